//! Every kernel compiles for every architecture, and the PTX that is checked in is what its source
//! gives. Needs NVRTC 12.8, which `scripts/nvrtc` fetches, and no GPU; without it these tests say so
//! and pass, unless ATHANOR_NVRTC is set, as in CI.
//!
//! `ATHANOR_BLESS=1` writes the PTX anew: `scripts/ptx`.

use gpu_worker::{
    backend::cuda::kernels::{MODULES, OPTIONS},
    cuda::{compiler::compile, nvrtc, Nvrtc},
};
use std::path::Path;

/// The version that wrote the PTX: another one writes it differently.
const VERSION: Nvrtc = Nvrtc::Present(12, 8);

fn compiler_is_here() -> bool {
    let found = nvrtc();
    if found == VERSION {
        return true;
    }
    assert!(
        std::env::var_os("ATHANOR_NVRTC").is_none(),
        "NVRTC 12.8 was promised, found {found:?}"
    );
    eprintln!("skipped: NVRTC 12.8 is not here ({found:?}); see scripts/nvrtc");
    false
}

#[test]
fn the_checked_in_ptx_is_what_its_source_gives() {
    if !compiler_is_here() {
        return;
    }
    let bless = std::env::var_os("ATHANOR_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/ptx");
    let mut stale = Vec::new();
    for module in MODULES {
        let source = module.expanded();
        for (architecture, kept) in [("80", module.sm_80), ("90a", module.sm_90a)] {
            let name = format!("{}.cu", module.name);
            let ptx = compile(&name, &source, &format!("compute_{architecture}"), OPTIONS);
            let ptx = ptx.unwrap_or_else(|error| panic!("{error}"));
            let file = format!("{}.sm_{architecture}.ptx", module.name);
            if bless {
                std::fs::write(folder.join(&file), &ptx).unwrap();
            } else if ptx != kept {
                stale.push(file);
            }
        }
    }
    assert!(
        stale.is_empty(),
        "run scripts/ptx: {stale:?} are not what their sources give"
    );
}

#[test]
fn products_compile_without_tensor_cores() {
    if !compiler_is_here() {
        return;
    }
    let gemm = MODULES.iter().find(|module| module.name == "gemm").unwrap();
    let ptx = compile("gemm.cu", &gemm.expanded(), "compute_75", OPTIONS).unwrap();
    assert!(ptx.contains("dp4a") && !ptx.contains("mma.sync"));
    assert!(gemm.sm_80.contains("mma.sync.aligned.m16n8k32") && gemm.sm_80.contains("cp.async"));
}

#[test]
fn a_source_that_does_not_compile_is_refused_with_the_compilers_words() {
    if !compiler_is_here() {
        return;
    }
    let error = compile("wrong.cu", "int x = no_such_name;", "compute_80", OPTIONS).unwrap_err();
    assert!(error.to_string().contains("no_such_name"), "{error}");
}
