//! The kernels, their sources, and the bytes of their parameters.

use super::schedule::{At, Launch, Pointer};

/// A file of `gpu-worker/kernels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name without `.cu`.
    pub name: &'static str,
    /// Its text, headers named and not expanded.
    pub source: &'static str,
    /// PTX of the portable build, for compute capability 8.0 and above.
    pub sm_80: &'static str,
    /// PTX for compute capability 9.0.
    pub sm_90a: &'static str,
}

macro_rules! modules {
    ($($name:literal)*) => {
        /// Every module.
        pub static MODULES: &[Module] = &[$(Module {
            name: $name,
            source: include_str!(concat!("../../../kernels/", $name, ".cu")),
            sm_80: include_str!(concat!("../../../kernels/ptx/", $name, ".sm_80.ptx")),
            sm_90a: include_str!(concat!("../../../kernels/ptx/", $name, ".sm_90a.ptx")),
        }),*];
    };
}

modules! { "blake3" "conv" "element" "gemm" "pool" "rows" "shape" }

static HEADERS: &[(&str, &str)] = &[
    (
        "platform.cuh",
        include_str!("../../../kernels/platform.cuh"),
    ),
    ("element.cuh", include_str!("../../../kernels/element.cuh")),
    ("linear.cuh", include_str!("../../../kernels/linear.cuh")),
];

/// What NVRTC is told besides the architecture.
pub const OPTIONS: &[&str] = &["--std=c++17"];

impl Module {
    /// The text with its headers in place, each once: NVRTC needs no file then.
    pub fn expanded(&self) -> String {
        let (mut text, mut seen) = (String::new(), Vec::new());
        expand(self.source, &mut seen, &mut text);
        text
    }
}

fn expand(source: &str, seen: &mut Vec<&'static str>, text: &mut String) {
    for line in source.lines() {
        let header = line
            .strip_prefix("#include \"")
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|name| HEADERS.iter().find(|(header, _)| *header == name));
        match header {
            Some((name, body)) => {
                if !seen.contains(name) {
                    seen.push(name);
                    expand(body, seen, text);
                }
            }
            None if line == "#pragma once" => {}
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
}

macro_rules! kernels {
    ($($variant:ident $name:literal $module:literal $threads:literal $size:literal)*) => {
        /// A kernel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        #[non_exhaustive]
        pub enum Kernel { $($variant),* }

        impl Kernel {
            /// Every kernel.
            pub const ALL: &'static [Kernel] = &[$(Kernel::$variant),*];

            /// Its name in its module.
            pub const fn name(self) -> &'static str {
                match self { $(Kernel::$variant => $name),* }
            }

            /// Name of the module it is in.
            pub const fn module(self) -> &'static str {
                match self { $(Kernel::$variant => $module),* }
            }

            /// Most threads of a block.
            pub const fn threads(self) -> u32 {
                match self { $(Kernel::$variant => $threads),* }
            }

            /// Bytes of its parameters.
            pub const fn size(self) -> usize {
                match self { $(Kernel::$variant => $size),* }
            }
        }
    };
}

kernels! {
    Blake3Chunks "blake3_chunks" "blake3" 128 24
    Blake3Tree "blake3_tree" "blake3" 128 24
    ConvDirect "conv_direct" "conv" 256 256
    ConvSums "conv_sums" "conv" 256 256
    ConvUnfold "conv_unfold" "conv" 256 256
    MapRequantize "map_requantize" "element" 256 72
    MapRequantizeChannel "map_requantize_channel" "element" 256 72
    MapClamp "map_clamp" "element" 256 72
    MapAbs "map_abs" "element" 256 72
    MapAddBias "map_add_bias" "element" 256 72
    MapLut8 "map_lut8" "element" 256 72
    MapLut16 "map_lut16" "element" 256 72
    CombineAdd "combine_add" "element" 256 288
    CombineMul "combine_mul" "element" 256 288
    CombineSelect "combine_select" "element" 256 288
    GemmLarge "gemm_large" "gemm" 256 256
    GemmSmall "gemm_small" "gemm" 128 256
    GemmWideLarge "gemm_wide_large" "gemm" 256 256
    GemmWideSmall "gemm_wide_small" "gemm" 128 256
    ConvLarge "conv_large" "gemm" 256 256
    ConvSmall "conv_small" "gemm" 128 256
    GemvOne "gemv_one" "gemm" 256 256
    GemvFew "gemv_few" "gemm" 256 256
    GemvWideOne "gemv_wide_one" "gemm" 256 256
    GemvWideFew "gemv_wide_few" "gemm" 256 256
    GemmFinish "gemm_finish" "gemm" 256 256
    GemmPack "gemm_pack" "gemm" 256 48
    GemmSums "gemm_sums" "gemm" 256 32
    PoolMax "pool_max" "pool" 256 120
    PoolAverage "pool_average" "pool" 256 120
    RowSum "row_sum" "rows" 256 120
    RowMax "row_max" "rows" 256 120
    RowMean "row_mean" "rows" 256 120
    RowSoftmax "row_softmax" "rows" 256 120
    RowLayerNorm "row_layer_norm" "rows" 256 120
    RowRmsNorm "row_rms_norm" "rows" 256 120
    RowTop "row_top" "rows" 256 120
    CopyStrided "copy_strided" "shape" 256 192
    CopySwapped "copy_swapped" "shape" 256 160
    Fill "fill" "shape" 256 24
    Gather "gather" "shape" 256 56
    Rope "rope" "shape" 256 80
}

/// Dynamic shared memory of the product kernels: four stages of tiles, or the tile of sums.
pub(crate) fn gemm_shared(kernel: Kernel) -> u32 {
    match kernel {
        Kernel::GemmLarge | Kernel::GemmWideLarge | Kernel::ConvLarge => 128 * 136 * 4,
        Kernel::GemmSmall | Kernel::GemmWideSmall | Kernel::ConvSmall => 4 * 128 * 64,
        _ => 0,
    }
}

/// The bytes of a kernel's parameters, as C lays them out: fields of 8 bytes come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    bytes: Vec<u8>,
    pointers: Vec<Pointer>,
}

impl Params {
    pub(crate) fn at(mut self, at: At) -> Self {
        self.pointers.push(Pointer {
            position: self.bytes.len(),
            at,
        });
        self.u64(0)
    }

    /// A pointer that may be null.
    pub(crate) fn maybe(self, at: Option<At>) -> Self {
        match at {
            Some(at) => self.at(at),
            None => self.u64(0),
        }
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64s(self, values: &[u64], fields: usize) -> Self {
        (0..fields).fold(self, |this, i| {
            this.u64(values.get(i).copied().unwrap_or_default())
        })
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn i32(self, value: i32) -> Self {
        self.u32(value as u32)
    }

    /// A launch of `blocks` blocks of `threads` threads.
    pub(crate) fn launch(mut self, kernel: Kernel, blocks: u64, threads: u32) -> Launch {
        let size = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(size, 0);
        Launch {
            kernel,
            blocks: u32::try_from(blocks.clamp(1, MOST_BLOCKS)).unwrap_or(1),
            threads,
            shared: gemm_shared(kernel),
            params: self.bytes,
            pointers: self.pointers,
        }
    }

    /// A launch with a thread for each of `items`.
    pub(crate) fn items(self, kernel: Kernel, items: u64) -> Launch {
        let threads = kernel.threads();
        self.launch(kernel, items.div_ceil(u64::from(threads)), threads)
    }
}

/// More blocks than any device runs at a time; every kernel goes round as often as it must.
const MOST_BLOCKS: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_in_its_source_and_in_both_builds() {
        for kernel in Kernel::ALL {
            let module = MODULES.iter().find(|m| m.name == kernel.module()).unwrap();
            let source = module.expanded();
            assert!(
                source.contains(&format!("KERNEL({}, ", kernel.name())),
                "{kernel:?}"
            );
            for ptx in [module.sm_80, module.sm_90a] {
                assert!(
                    ptx.contains(&format!(".entry {}(", kernel.name())),
                    "{kernel:?}"
                );
            }
        }
    }

    #[test]
    fn a_header_is_expanded_once() {
        for module in MODULES {
            let text = module.expanded();
            assert!(!text.contains("#include \"element"), "{}", module.name);
            assert_eq!(
                text.matches("typedef signed char i8;").count(),
                1,
                "{}",
                module.name
            );
        }
    }
}
