//! cuBLASLt for 8-bit products: the one wrapper around its untyped calls.
//!
//! Its rules for exact sums: compute and scale type 32I with i32 output, column-major "TN". That is
//! what `a[m,k]`, `b[n,k]` and `c[m,n]`, all row-major, are when `c` is taken transposed:
//! `cᵀ[n,m] = (b as k×n)ᵀ · (a as k×m)`. k, n and every leading dimension are multiples of 4.

use super::gpu::{Gpu, GpuError, Lane, Memory};
use cudarc::cublaslt::{
    result::{self, CublasError},
    sys,
};
use std::{
    collections::HashMap,
    os::raw::c_void,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Bytes of scratch memory; NVIDIA recommends 32 MiB for Hopper.
const WORKSPACE: u64 = 32 << 20;

/// Batches, sizes, and bytes from one batch to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Products.
    pub batches: u64,
    /// Rows of `a`.
    pub m: u64,
    /// Rows of `b`, a multiple of 4.
    pub n: u64,
    /// Length of a row, a multiple of 4.
    pub k: u64,
    /// From one `a` to the next.
    pub a_stride: u64,
    /// From one `b` to the next.
    pub b_stride: u64,
}

fn failed(error: CublasError) -> GpuError {
    GpuError::Library(format!("{:?}", error.0))
}

/// A handle of the library, with its scratch memory.
pub(super) struct Lt {
    handle: sys::cublasLtHandle_t,
    workspace: Memory,
    plans: Mutex<HashMap<Shape, Plan>>,
}

// SAFETY: the handle may be used from any thread; cuBLASLt's calls on it are thread-safe.
unsafe impl Send for Lt {}
// SAFETY: as above; plans are behind a lock.
unsafe impl Sync for Lt {}

/// What a shape needs, destroyed when dropped.
struct Plan {
    description: sys::cublasLtMatmulDesc_t,
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    heuristic: sys::cublasLtMatmulHeuristicResult_t,
}

struct Description(sys::cublasLtMatmulDesc_t);
struct Layout(sys::cublasLtMatrixLayout_t);
struct Preference(sys::cublasLtMatmulPreference_t);

impl Drop for Description {
    fn drop(&mut self) {
        // SAFETY: made by the library, owned by `self`, destroyed once.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: as above.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: as above.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        drop(Description(self.description));
        for layout in self.layouts {
            drop(Layout(layout));
        }
    }
}

impl Drop for Lt {
    fn drop(&mut self) {
        if let Ok(plans) = self.plans.get_mut() {
            plans.clear();
        }
        // SAFETY: the handle is alive and destroyed once, after its plans.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

fn layout(
    ty: sys::cudaDataType,
    rows: u64,
    columns: u64,
    batches: u64,
    stride: u64,
) -> Result<Layout, GpuError> {
    use sys::cublasLtMatrixLayoutAttribute_t as Attribute;
    let too_large = || GpuError::Library("a size beyond 63 bits".into());
    let ld = i64::try_from(rows).map_err(|_| too_large())?;
    let layout = Layout(result::create_matrix_layout(ty, rows, columns, ld).map_err(failed)?);
    if batches > 1 {
        let count = i32::try_from(batches).map_err(|_| too_large())?;
        let stride = i64::try_from(stride).map_err(|_| too_large())?;
        // SAFETY: the layout is alive; the attribute is an i32, whose address and size are given.
        unsafe {
            result::set_matrix_layout_attribute(
                layout.0,
                Attribute::CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                (&raw const count).cast::<c_void>(),
                size_of_val(&count),
            )
        }
        .map_err(failed)?;
        // SAFETY: the layout is alive; the attribute is an i64, whose address and size are given.
        unsafe {
            result::set_matrix_layout_attribute(
                layout.0,
                Attribute::CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                (&raw const stride).cast::<c_void>(),
                size_of_val(&stride),
            )
        }
        .map_err(failed)?;
    }
    Ok(layout)
}

impl Plan {
    fn new(handle: sys::cublasLtHandle_t, shape: Shape) -> Result<Plan, GpuError> {
        use sys::{
            cublasComputeType_t::CUBLAS_COMPUTE_32I,
            cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA,
            cublasLtMatmulPreferenceAttributes_t as Attribute,
            cudaDataType::{CUDA_R_32I, CUDA_R_8I},
        };
        let Shape {
            batches,
            m,
            n,
            k,
            a_stride,
            b_stride,
        } = shape;
        let description = Description(
            result::create_matmul_desc(CUBLAS_COMPUTE_32I, CUDA_R_32I).map_err(failed)?,
        );
        // CUBLAS_OP_T.
        let transposed = 1i32;
        // SAFETY: the description is alive; the attribute is an i32, whose address and size are given.
        unsafe {
            result::set_matmul_desc_attribute(
                description.0,
                CUBLASLT_MATMUL_DESC_TRANSA,
                (&raw const transposed).cast::<c_void>(),
                size_of_val(&transposed),
            )
        }
        .map_err(failed)?;
        let left = layout(CUDA_R_8I, k, n, batches, b_stride)?;
        let right = layout(CUDA_R_8I, k, m, batches, a_stride)?;
        let sums = layout(CUDA_R_32I, n, m, batches, m * n)?;
        let preference = Preference(result::create_matmul_pref().map_err(failed)?);
        let set = |attribute, value: *const c_void, size| {
            // SAFETY: the preference is alive; callers give address and size of what the attribute is.
            unsafe { result::set_matmul_pref_attribute(preference.0, attribute, value, size) }
                .map_err(failed)
        };
        let workspace = WORKSPACE as usize;
        set(
            Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
            (&raw const workspace).cast::<c_void>(),
            size_of_val(&workspace),
        )?;
        // Parts of a buffer start at multiples of 16.
        let aligned = 16u32;
        for attribute in [
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
        ] {
            set(
                attribute,
                (&raw const aligned).cast::<c_void>(),
                size_of_val(&aligned),
            )?;
        }
        // SAFETY: everything named is alive.
        let heuristic = unsafe {
            result::get_matmul_algo_heuristic(
                handle,
                description.0,
                left.0,
                right.0,
                sums.0,
                sums.0,
                preference.0,
            )
        }
        .map_err(failed)?;
        let plan = Plan {
            description: description.0,
            layouts: [left.0, right.0, sums.0],
            heuristic,
        };
        // The plan owns them from here on.
        std::mem::forget((description, left, right, sums));
        Ok(plan)
    }
}

impl Lt {
    /// The library, or `None` where it is not installed. The context is bound.
    pub(super) fn open(gpu: &Gpu) -> Result<Option<Lt>, GpuError> {
        // SAFETY: loads and unloads the library by its system name; its initialisers are trusted as
        // every CUDA program trusts them, and nothing of it is kept.
        if !unsafe { sys::is_culib_present() } {
            return Ok(None);
        }
        let workspace = gpu.allocate(WORKSPACE)?;
        Ok(Some(Lt {
            handle: result::create_handle().map_err(failed)?,
            workspace,
            plans: Mutex::new(HashMap::new()),
        }))
    }

    /// The plans, that of `shape` among them.
    fn planned(&self, shape: Shape) -> Result<MutexGuard<'_, HashMap<Shape, Plan>>, GpuError> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let new = match plans.get(&shape) {
            Some(_) => None,
            None => Some(Plan::new(self.handle, shape)?),
        };
        if let Some(plan) = new {
            // A daemon sees few shapes; a fuzzer sees many.
            if plans.len() > 1_024 {
                plans.clear();
            }
            plans.insert(shape, plan);
        }
        Ok(plans)
    }

    /// Whether the library has an exact product of this shape. The context is bound.
    pub(super) fn takes(&self, shape: Shape) -> bool {
        self.planned(shape).is_ok()
    }

    pub(super) fn products(
        &self,
        gpu: &Gpu,
        lane: Lane,
        shape: Shape,
        [a, b, c]: [u64; 3],
    ) -> Result<(), GpuError> {
        let plans = self.planned(shape)?;
        let Some(plan) = plans.get(&shape) else {
            return Err(GpuError::Library("a plan was lost".into()));
        };
        let (one, zero) = (1i32, 0i32);
        let [left, right, sums] = plan.layouts;
        // SAFETY: handle and plan are alive, the factors are of the scale type and read during the
        // call. The addresses are of the device: see the module `gpu`.
        unsafe {
            result::matmul(
                self.handle,
                plan.description,
                (&raw const one).cast::<c_void>(),
                (&raw const zero).cast::<c_void>(),
                b as *const c_void,
                left,
                a as *const c_void,
                right,
                c as *const c_void,
                sums,
                c as *mut c_void,
                sums,
                &raw const plan.heuristic.algo,
                self.workspace.address() as *mut c_void,
                WORKSPACE as usize,
                gpu.stream(lane).cast(),
            )
        }
        .map_err(failed)
    }
}
