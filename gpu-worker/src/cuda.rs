//! What CUDA this machine has, found without needing any of it.
//!
//! The driver is loaded at run time. Where it is missing, old or broken, that
//! is an answer and never a panic. This is the only module of the crate with
//! `unsafe` in it: thin safe layers over what cudarc binds.

#![allow(unsafe_code)]

pub mod blaslt;
pub mod compiler;
pub mod gpu;

use cudarc::{driver, nvrtc};
use std::{
    fmt,
    panic::{catch_unwind, AssertUnwindSafe},
};

/// A CUDA device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaDevice {
    /// Its name.
    pub name: String,
    /// Bytes of its memory.
    pub memory: u64,
    /// Its compute capability, as 9 and 0 of sm_90.
    pub capability: (i32, i32),
}

/// Why there is no CUDA device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// `libcuda` is nowhere the loader looks.
    NoLibrary,
    /// The driver is there and refuses.
    Driver(String),
    /// The driver works and knows no device.
    NoDevice,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::NoLibrary => f.write_str("no CUDA driver library (libcuda) found"),
            Absent::Driver(why) => write!(f, "the CUDA driver does not work: {why}"),
            Absent::NoDevice => f.write_str("the CUDA driver found no device"),
        }
    }
}

/// What was found of CUDA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// At least one device.
    Present(Vec<CudaDevice>),
    /// None, and why.
    Absent(Absent),
}

/// What was found of NVRTC, the compiler of CUDA kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nvrtc {
    /// The library, with its version.
    Present(i32, i32),
    /// The library is there and does not answer.
    Broken(String),
    /// `libnvrtc` is nowhere the loader looks.
    Absent,
}

/// Looks for CUDA devices.
pub fn probe() -> Probe {
    // SAFETY: loads and unloads the driver library by its system name. Its
    // initialisers are trusted as every CUDA program trusts them, and nothing
    // of it is kept.
    if !unsafe { driver::sys::is_culib_present() } {
        return Probe::Absent(Absent::NoLibrary);
    }
    // cudarc panics where an old driver lacks a symbol: that is an answer too.
    match quietly(devices) {
        Ok(Ok(devices)) if devices.is_empty() => Probe::Absent(Absent::NoDevice),
        Ok(Ok(devices)) => Probe::Present(devices),
        Ok(Err(error)) => Probe::Absent(match error.0 {
            driver::sys::CUresult::CUDA_ERROR_NO_DEVICE => Absent::NoDevice,
            code => Absent::Driver(format!("{code:?}")),
        }),
        Err(why) => Probe::Absent(Absent::Driver(why)),
    }
}

fn devices() -> Result<Vec<CudaDevice>, driver::DriverError> {
    use driver::{result, sys::CUdevice_attribute};
    result::init()?;
    (0..result::device::get_count()?)
        .map(|ordinal| {
            let device = result::device::get(ordinal)?;
            // SAFETY: `device` was returned by `result::device::get` just now,
            // after `init`.
            let memory = unsafe { result::device::total_mem(device)? };
            let attribute = |name| {
                // SAFETY: as above.
                unsafe { result::device::get_attribute(device, name) }
            };
            Ok(CudaDevice {
                name: result::device::get_name(device)?,
                memory: u64::try_from(memory).unwrap_or(u64::MAX),
                capability: (
                    attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                    attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
                ),
            })
        })
        .collect()
}

/// Looks for NVRTC.
pub fn nvrtc() -> Nvrtc {
    // SAFETY: as for the driver library in `probe`.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return Nvrtc::Absent;
    }
    let version = || {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: both pointers are to live integers for the whole call, which
        // writes one integer through each.
        let code = unsafe { nvrtc::sys::nvrtcVersion(&mut major, &mut minor) };
        code.result().map(|()| (major, minor))
    };
    match quietly(version) {
        Ok(Ok((major, minor))) => Nvrtc::Present(major, minor),
        Ok(Err(error)) => Nvrtc::Broken(format!("{error:?}")),
        Err(why) => Nvrtc::Broken(why),
    }
}

/// Calls `f` and turns a panic into its message.
fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| {
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
            })
            .unwrap_or_else(|| "it panicked".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probing_is_an_answer_on_every_machine() {
        match probe() {
            Probe::Present(devices) => assert!(!devices.is_empty()),
            Probe::Absent(why) => assert!(!why.to_string().is_empty()),
        }
        nvrtc();
    }

    #[test]
    fn a_panic_of_a_library_is_an_answer() {
        assert_eq!(
            quietly(|| -> () { panic!("Missing symbol {}", 1) }),
            Err("Missing symbol 1".into())
        );
        assert_eq!(quietly(|| 7), Ok(7));
    }
}
