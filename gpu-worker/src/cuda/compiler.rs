//! NVRTC: CUDA source to PTX.

use super::{quietly, Nvrtc};
use cudarc::nvrtc::{
    result::{self, NvrtcError},
    sys,
};
use std::ffi::{CStr, CString};

/// Why a source was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// There is no NVRTC, or it does not work.
    #[error("no CUDA compiler: {0}")]
    NoCompiler(String),
    /// The compiler refused; its messages.
    #[error("{name} does not compile:\n{log}")]
    Refused {
        /// Name of the source.
        name: String,
        /// What the compiler wrote.
        log: String,
    },
}

/// A program of the compiler, destroyed with it.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the program was created by `create_program`, and nothing else destroys it. A failure
        // leaves memory behind and nothing more.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// Compiles `source`, which includes nothing, for `architecture`, as `compute_80`.
///
/// # Errors
///
/// No compiler on this machine, or its refusal with everything it said.
pub fn compile(
    name: &str,
    source: &str,
    architecture: &str,
    options: &[&str],
) -> Result<String, CompileError> {
    match super::nvrtc() {
        Nvrtc::Present(..) => {}
        Nvrtc::Absent => {
            return Err(CompileError::NoCompiler(
                "libnvrtc is nowhere the loader looks".into(),
            ))
        }
        Nvrtc::Broken(why) => return Err(CompileError::NoCompiler(why)),
    }
    let refused = |log: String| CompileError::Refused {
        name: name.to_owned(),
        log,
    };
    let source = CString::new(source).map_err(|error| refused(error.to_string()))?;
    let title = CString::new(name).map_err(|error| refused(error.to_string()))?;
    let mut all = vec![format!("--gpu-architecture={architecture}")];
    all.extend(options.iter().map(|option| (*option).to_owned()));
    let work = || -> Result<Vec<u8>, (NvrtcError, String)> {
        let program = result::create_program(&source, Some(&title))
            .map(Program)
            .map_err(|error| (error, String::new()))?;
        // SAFETY: the program is alive until `program` is dropped; so are source and title.
        let compiled = unsafe { result::compile_program(program.0, &all) };
        // SAFETY: as above, and the program has been compiled, with or without success.
        let log = unsafe { result::get_program_log(program.0) }.unwrap_or_default();
        let log: Vec<u8> = log.iter().map(|c| *c as u8).collect();
        let log = until_nul(&log);
        compiled.map_err(|error| (error, log))?;
        // SAFETY: as above, and the program has been compiled.
        let ptx = unsafe { result::get_ptx(program.0) }.map_err(|error| (error, String::new()))?;
        Ok(ptx.iter().map(|c| *c as u8).collect())
    };
    match quietly(work) {
        Ok(Ok(ptx)) => Ok(until_nul(&ptx)),
        Ok(Err((error, log))) => Err(refused(format!("{error:?}\n{log}"))),
        Err(why) => Err(CompileError::NoCompiler(why)),
    }
}

fn until_nul(bytes: &[u8]) -> String {
    CStr::from_bytes_until_nul(bytes)
        .map(|text| text.to_string_lossy().into_owned())
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}
