//! Builds the runtime's wasm.

fn main() {
    #[cfg(feature = "std")]
    {
        // A target folder outside the checkout hides the workspace from the wasm builder, which
        // would then resolve dependencies without our lock file and profiles.
        let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        if let Some(root) = std::path::Path::new(&manifest).parent() {
            std::env::set_var("WASM_BUILD_WORKSPACE_HINT", root);
        }

        #[cfg(feature = "metadata-hash")]
        substrate_wasm_builder::WasmBuilder::init_with_defaults()
            .enable_metadata_hash("AUR", 12)
            .build();
        #[cfg(not(feature = "metadata-hash"))]
        substrate_wasm_builder::WasmBuilder::build_using_defaults();
    }
}
