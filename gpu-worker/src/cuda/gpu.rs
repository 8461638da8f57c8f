//! A device: memory, streams, kernels, graphs, and cuBLASLt.
//!
//! # Safety
//!
//! The calls into the driver are unsafe for two reasons, answered here once. *Handles* must be alive:
//! every handle is owned by a value of this module that destroys it when dropped, after what was made
//! from it, and is never handed out. *Memory* that is read or written must be there: kernels only reach
//! memory of the device, since this process maps none of its own into it, so no launch, however wrong,
//! touches what Rust knows of; it can spoil the results of the job it belongs to, or fail. Host memory
//! is only named in copies, whose slices are borrowed until [`Gpu::session`] has waited for all
//! streams.

use super::{
    blaslt::{Lt, Shape},
    quietly,
};
use cudarc::driver::{
    result::{self, stream::StreamKind, DriverError},
    sys,
};
use std::{cell::Cell, ffi::CString, fmt, marker::PhantomData, os::raw::c_void, sync::Arc};

/// The device or its driver failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// A call of the driver failed.
    #[error("CUDA: {call}: {why}")]
    Driver {
        /// What was tried.
        call: &'static str,
        /// The driver's code.
        why: String,
    },
    /// cuBLASLt failed.
    #[error("cuBLASLt: {0}")]
    Library(String),
    /// The driver lacks something or is broken.
    #[error("the CUDA driver does not work: {0}")]
    Broken(String),
    /// A copy or a launch outside its memory.
    #[error("{0} reaches outside its memory: a bug")]
    Outside(&'static str),
}

fn failed(call: &'static str) -> impl Fn(DriverError) -> GpuError {
    move |error| GpuError::Driver {
        call,
        why: format!("{:?}", error.0),
    }
}

/// A queue of the device. What is in one runs in order; different ones run beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Kernels of nodes.
    Compute,
    /// Kernels that hash.
    Hash,
    /// Copies to the device.
    Copy,
}

/// The primary context of a device, released when dropped.
struct Context {
    device: sys::CUdevice,
    context: sys::CUcontext,
}

// SAFETY: contexts may be used from any thread, and the driver locks what it must.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    fn bind(&self) -> Result<(), GpuError> {
        // SAFETY: the context is alive until `self` is dropped.
        unsafe { result::ctx::set_current(self.context) }.map_err(failed("set context"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the device was retained once when `self` was made.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

/// Memory of the device, freed when dropped.
pub struct Memory {
    address: u64,
    bytes: u64,
    context: Arc<Context>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} bytes)", self.bytes)
    }
}

impl Memory {
    /// Where it starts, for kernels.
    pub fn address(&self) -> u64 {
        self.address
    }

    fn range(&self, offset: u64, bytes: usize) -> Result<u64, GpuError> {
        let end = offset.checked_add(bytes as u64);
        match end {
            Some(end) if end <= self.bytes => Ok(self.address + offset),
            _ => Err(GpuError::Outside("a copy")),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = self.context.bind();
        // SAFETY: the address came from the driver and is freed once; freeing waits for the device.
        let _ = unsafe { result::free_sync(self.address) };
    }
}

/// A point in a lane, destroyed when dropped.
pub struct Event {
    event: sys::CUevent,
    context: Arc<Context>,
}

// SAFETY: events may be used from any thread.
unsafe impl Send for Event {}

impl Drop for Event {
    fn drop(&mut self) {
        let _ = self.context.bind();
        // SAFETY: the event is alive and destroyed once; the driver keeps it while it is waited for.
        let _ = unsafe { result::event::destroy(self.event) };
    }
}

/// Work that was recorded once and is started as a whole.
pub struct Graph {
    graph: sys::CUgraph,
    exec: sys::CUgraphExec,
    context: Arc<Context>,
}

// SAFETY: a graph may be used from any thread, one at a time; nothing here shares it.
unsafe impl Send for Graph {}

impl Drop for Graph {
    fn drop(&mut self) {
        let _ = self.context.bind();
        // SAFETY: both handles are alive and destroyed once.
        let _ = unsafe { result::graph::exec_destroy(self.exec) };
        // SAFETY: as above.
        let _ = unsafe { result::graph::destroy(self.graph) };
    }
}

struct Streams {
    streams: [sys::CUstream; 3],
    context: Arc<Context>,
}

// SAFETY: streams may be used from any thread.
unsafe impl Send for Streams {}
// SAFETY: as above; the driver locks what it must.
unsafe impl Sync for Streams {}

impl Drop for Streams {
    fn drop(&mut self) {
        let _ = self.context.bind();
        for stream in self.streams.into_iter().filter(|stream| !stream.is_null()) {
            // SAFETY: the stream is alive and destroyed once.
            let _ = unsafe { result::stream::destroy(stream) };
        }
    }
}

struct Modules {
    modules: Vec<sys::CUmodule>,
    functions: Vec<sys::CUfunction>,
    context: Arc<Context>,
}

// SAFETY: modules and functions may be used from any thread.
unsafe impl Send for Modules {}
// SAFETY: as above, and they are not changed once loaded.
unsafe impl Sync for Modules {}

impl Drop for Modules {
    fn drop(&mut self) {
        let _ = self.context.bind();
        for module in &self.modules {
            // SAFETY: the module is alive and unloaded once, after every session that used it.
            let _ = unsafe { result::module::unload(*module) };
        }
    }
}

/// A kernel to be found in an image.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Index of the image.
    pub image: usize,
    /// Its name.
    pub name: &'static str,
    /// Most dynamic shared memory it is launched with.
    pub shared: u32,
    /// Bytes of its parameters.
    pub params: usize,
}

/// A device with its kernels.
pub struct Gpu {
    // Dropped in this order: what was made from the context before the context.
    library: Option<Lt>,
    modules: Modules,
    streams: Streams,
    entries: Vec<Entry>,
    context: Arc<Context>,
}

impl Gpu {
    /// Opens device `ordinal` and loads `entries` from PTX images. The caller has probed for a driver.
    ///
    /// # Errors
    ///
    /// Whatever the driver says; also when an image is newer than the driver.
    pub fn open(ordinal: usize, images: &[String], entries: &[Entry]) -> Result<Gpu, GpuError> {
        let ordinal = i32::try_from(ordinal).map_err(|_| GpuError::Outside("the device number"))?;
        quietly(|| Gpu::open_it(ordinal, images, entries)).map_err(GpuError::Broken)?
    }

    fn open_it(ordinal: i32, images: &[String], entries: &[Entry]) -> Result<Gpu, GpuError> {
        result::init().map_err(failed("initialise"))?;
        let device = result::device::get(ordinal).map_err(failed("open device"))?;
        // SAFETY: the device was returned by the driver just now.
        let context =
            unsafe { result::primary_ctx::retain(device) }.map_err(failed("make context"))?;
        let context = Arc::new(Context { device, context });
        context.bind()?;
        let mut streams = Streams {
            streams: [std::ptr::null_mut(); 3],
            context: context.clone(),
        };
        for stream in &mut streams.streams {
            *stream =
                result::stream::create(StreamKind::NonBlocking).map_err(failed("make stream"))?;
        }
        let mut modules = Modules {
            modules: Vec::new(),
            functions: Vec::new(),
            context: context.clone(),
        };
        for image in images {
            let image = CString::new(image.as_str())
                .map_err(|_| GpuError::Broken("an image with a zero byte".into()))?;
            // SAFETY: the image is PTX that ends with a zero byte, alive during the call.
            let module = unsafe { result::module::load_data(image.as_ptr().cast::<c_void>()) };
            modules
                .modules
                .push(module.map_err(failed("load kernels"))?);
        }
        for entry in entries {
            let module = *modules
                .modules
                .get(entry.image)
                .ok_or(GpuError::Outside("a kernel's image"))?;
            let name =
                CString::new(entry.name).map_err(|_| GpuError::Broken("a kernel's name".into()))?;
            // SAFETY: the module is loaded, and unloaded only when `modules` is dropped.
            let function = unsafe { result::module::get_function(module, name) };
            let function = function.map_err(failed("find kernel"))?;
            if entry.shared > 48 << 10 {
                use sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as MOST;
                // SAFETY: the function was found just now.
                let set = unsafe {
                    result::function::set_function_attribute(function, MOST, entry.shared as i32)
                };
                set.map_err(failed("give a kernel shared memory"))?;
            }
            modules.functions.push(function);
        }
        let mut gpu = Gpu {
            library: None,
            modules,
            streams,
            entries: entries.to_vec(),
            context,
        };
        gpu.library = Lt::open(&gpu)?;
        Ok(gpu)
    }

    /// Whether cuBLASLt is there.
    pub fn has_library(&self) -> bool {
        self.library.is_some()
    }

    /// Whether cuBLASLt is there and has an exact product of this shape.
    pub fn library_takes(&self, shape: Shape) -> bool {
        let work = || match &self.library {
            Some(library) => self.context.bind().is_ok() && library.takes(shape),
            None => false,
        };
        quietly(work).unwrap_or(false)
    }

    /// Free and total bytes of the device's memory.
    ///
    /// # Errors
    ///
    /// Whatever the driver says.
    pub fn memory(&self) -> Result<(u64, u64), GpuError> {
        let work = || {
            self.context.bind()?;
            result::mem_get_info().map_err(failed("ask for memory"))
        };
        let (free, total) = quietly(work).map_err(GpuError::Broken)??;
        Ok((free as u64, total as u64))
    }

    /// Memory of the device. What is in it is whatever was there.
    ///
    /// # Errors
    ///
    /// The driver's, mostly that there is too little.
    pub fn allocate(&self, bytes: u64) -> Result<Memory, GpuError> {
        let len = usize::try_from(bytes).map_err(|_| GpuError::Outside("an allocation"))?;
        let work = || {
            self.context.bind()?;
            // SAFETY: the context is bound. That the memory holds no values matters to no one: it is
            // only reached by kernels and by copies of bytes.
            unsafe { result::malloc_sync(len.max(1)) }.map_err(failed("allocate"))
        };
        let address = quietly(work).map_err(GpuError::Broken)??;
        Ok(Memory {
            address,
            bytes,
            context: self.context.clone(),
        })
    }

    /// Calls `work`, then waits until the device has done everything it was asked for, whatever `work`
    /// returned.
    ///
    /// # Errors
    ///
    /// Those of `work`, then what the device ran into.
    pub fn session<'env, T>(
        &self,
        work: impl FnOnce(&Session<'_, 'env>) -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let session = Session {
            gpu: self,
            borrowed: PhantomData,
        };
        let done = quietly(|| {
            self.context.bind()?;
            work(&session)
        });
        let waited = quietly(|| session.wait());
        let value = done.map_err(GpuError::Broken)??;
        waited.map_err(GpuError::Broken)??;
        Ok(value)
    }

    pub(super) fn stream(&self, lane: Lane) -> sys::CUstream {
        self.streams.streams[lane as usize]
    }
}

/// Work for the device, between its begin and the wait for its end.
pub struct Session<'a, 'env> {
    gpu: &'a Gpu,
    // Invariant, so that no shorter borrow passes for this one.
    borrowed: PhantomData<Cell<&'env [u8]>>,
}

impl<'env> Session<'_, 'env> {
    /// Waits until everything asked for so far is done.
    ///
    /// # Errors
    ///
    /// What the device ran into.
    pub fn wait(&self) -> Result<(), GpuError> {
        for stream in self.gpu.streams.streams {
            // SAFETY: the stream is alive.
            unsafe { result::stream::synchronize(stream) }.map_err(failed("run"))?;
        }
        Ok(())
    }

    /// Copies bytes to the device, on [`Lane::Copy`].
    ///
    /// # Errors
    ///
    /// A range outside the memory, or the driver's.
    pub fn upload(&self, to: &Memory, offset: u64, bytes: &'env [u8]) -> Result<(), GpuError> {
        let address = to.range(offset, bytes.len())?;
        // SAFETY: the range lies inside `to`, and `bytes` is borrowed until the session has waited.
        unsafe { result::memcpy_htod_async(address, bytes, self.gpu.stream(Lane::Copy)) }
            .map_err(failed("copy to the device"))
    }

    /// Copies bytes from the device and waits for them. What comes before on any lane is not waited
    /// for.
    ///
    /// # Errors
    ///
    /// A range outside the memory, or the driver's.
    pub fn download(&self, from: &Memory, offset: u64, bytes: &mut [u8]) -> Result<(), GpuError> {
        let address = from.range(offset, bytes.len())?;
        // SAFETY: the range lies inside `from`; the call returns when `bytes` is written.
        unsafe { result::memcpy_dtoh_sync(bytes, address) }.map_err(failed("copy from the device"))
    }

    /// A point after everything asked of `lane` so far.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub fn mark(&self, lane: Lane) -> Result<Event, GpuError> {
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING;
        let event = Event {
            event: result::event::create(flags).map_err(failed("make event"))?,
            context: self.gpu.context.clone(),
        };
        // SAFETY: event and stream are alive.
        unsafe { result::event::record(event.event, self.gpu.stream(lane)) }
            .map_err(failed("record event"))?;
        Ok(event)
    }

    /// What is asked of `lane` from now on waits for `event`.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub fn after(&self, lane: Lane, event: &Event) -> Result<(), GpuError> {
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: event and stream are alive.
        unsafe { result::stream::wait_event(self.gpu.stream(lane), event.event, flags) }
            .map_err(failed("wait for event"))
    }

    /// Waits here until the device has reached `event`.
    ///
    /// # Errors
    ///
    /// What the device ran into.
    pub fn reach(&self, event: &Event) -> Result<(), GpuError> {
        // SAFETY: the event is alive.
        unsafe { result::event::synchronize(event.event) }.map_err(failed("run"))
    }

    /// Launches entry `entry` with a grid of one dimension.
    ///
    /// # Errors
    ///
    /// Parameters of another size than the kernel's, or the driver's.
    pub fn launch(
        &self,
        lane: Lane,
        entry: usize,
        blocks: u32,
        threads: u32,
        shared: u32,
        params: &[u8],
    ) -> Result<(), GpuError> {
        let gpu = self.gpu;
        let (Some(function), Some(known)) =
            (gpu.modules.functions.get(entry), gpu.entries.get(entry))
        else {
            return Err(GpuError::Outside("a launch"));
        };
        if known.params != params.len() || shared > known.shared {
            return Err(GpuError::Outside("a launch"));
        }
        // The driver copies the parameters during the call. They are read as one struct of words.
        let words: Vec<u64> = params
            .chunks(8)
            .map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(word)
            })
            .collect();
        let mut pointers = [words.as_ptr().cast_mut().cast::<c_void>()];
        // SAFETY: the function is loaded; its one parameter has the size checked above, and `words`
        // holds at least as many bytes, aligned to 8. For the memory it reaches see the module.
        unsafe {
            result::launch_kernel(
                *function,
                (blocks, 1, 1),
                (threads, 1, 1),
                shared,
                gpu.stream(lane),
                &mut pointers,
            )
        }
        .map_err(failed("launch"))
    }

    /// `c[z,m,n] = Σ_k a[z,m,k]·b[z,n,k]` by cuBLASLt, at these addresses of the device.
    ///
    /// # Errors
    ///
    /// The library is not there, or refuses the shape.
    pub fn products(&self, lane: Lane, shape: Shape, at: [u64; 3]) -> Result<(), GpuError> {
        match &self.gpu.library {
            Some(library) => library.products(self.gpu, lane, shape, at),
            None => Err(GpuError::Library("it is not there".into())),
        }
    }

    /// Records what `work` asks of [`Lane::Compute`], and of lanes that wait for it and that it waits
    /// for in the end, instead of doing it.
    ///
    /// # Errors
    ///
    /// Those of `work`, or the driver's.
    pub fn record(&self, work: impl FnOnce() -> Result<(), GpuError>) -> Result<Graph, GpuError> {
        let stream = self.gpu.stream(Lane::Compute);
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is alive.
        unsafe { result::stream::begin_capture(stream, mode) }.map_err(failed("begin a graph"))?;
        let done = work();
        // SAFETY: the stream is alive and recording.
        let graph = unsafe { result::stream::end_capture(stream) };
        let graph = graph.map_err(failed("end a graph"));
        if let Err(error) = done {
            if let Ok(graph) = graph {
                // SAFETY: the graph was made just now and is destroyed once; the driver refuses null.
                let _ = unsafe { result::graph::destroy(graph) };
            }
            return Err(error);
        }
        let graph = graph?;
        if graph.is_null() {
            return Err(GpuError::Broken("an empty graph".into()));
        }
        // SAFETY: the graph was made just now.
        let exec = unsafe { result::graph::instantiate(graph, sys::CUgraphInstantiate_flags(0)) };
        match exec {
            Ok(exec) => Ok(Graph {
                graph,
                exec,
                context: self.gpu.context.clone(),
            }),
            Err(error) => {
                // SAFETY: the graph is alive and destroyed once.
                let _ = unsafe { result::graph::destroy(graph) };
                Err(failed("make a graph")(error))
            }
        }
    }

    /// Starts what was recorded, on [`Lane::Compute`].
    ///
    /// # Errors
    ///
    /// The driver's.
    pub fn replay(&self, graph: &Graph) -> Result<(), GpuError> {
        // SAFETY: graph and stream are alive.
        unsafe { result::graph::launch(graph.exec, self.gpu.stream(Lane::Compute)) }
            .map_err(failed("start a graph"))
    }
}
