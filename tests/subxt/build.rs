//! Hands the metadata that `ATHANOR_METADATA` names to the macro, which reads it from `$OUT_DIR`.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(athanor_metadata)");
    println!("cargo::rerun-if-env-changed=ATHANOR_METADATA");
    if let (Ok(file), Ok(out)) = (env::var("ATHANOR_METADATA"), env::var("OUT_DIR")) {
        println!("cargo::rerun-if-changed={file}");
        fs::copy(file, Path::new(&out).join("metadata.scale"))?;
        println!("cargo::rustc-cfg=athanor_metadata");
    }
    Ok(())
}
