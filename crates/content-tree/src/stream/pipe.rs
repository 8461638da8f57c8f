use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use super::window::{Window, Windows};
use super::StreamError;

/// Threads that may wait for reading or writing while all others work.
const SPARE: usize = 2;

/// What is done with each window.
pub(super) struct Work<B, M, A> {
    /// In turn, before the window is read.
    pub(super) before: B,
    /// By several threads, each with a window of its own.
    pub(super) middle: M,
    /// In turn, before what is left in the window is written.
    pub(super) after: A,
}

/// Reads the windows of `source` in turn, works on them, and writes what that leaves to `sink` in
/// turn. A window stays with one thread from reading to writing, and so in its cache.
///
/// The error of the first window that has one is given.
pub(super) fn pipe<P, R>(
    windows: Windows,
    source: impl Read + Send,
    sink: impl Write + Send,
    work: Work<
        impl FnMut(Window) -> Result<P, StreamError> + Send,
        impl Fn(Window, &mut [u8], P) -> Result<R, StreamError> + Sync,
        impl FnMut(Window, R) -> Result<(), StreamError> + Send,
    >,
) -> Result<(), StreamError> {
    let most = rayon::current_num_threads().saturating_add(SPARE);
    let count = windows.clone().take(most).count();
    let input = Input {
        source,
        at: 0,
        len: windows.bytes(),
    };
    let middle = work.middle;
    let front = Mutex::new(Front {
        windows,
        input,
        before: work.before,
        next: 0,
    });
    let back = Back {
        state: Mutex::new(State {
            sink,
            after: work.after,
            turn: 0,
            result: Ok(()),
            lost: false,
        }),
        turned: Condvar::new(),
        ended: AtomicBool::new(false),
    };
    if count <= 1 {
        run(&front, &middle, &back);
    } else {
        thread::scope(|scope| {
            let start = |_| scope.spawn(|| run(&front, &middle, &back));
            let threads: Vec<_> = (0..count).map(start).collect();
            for thread in threads {
                // A panic is told by `lost`.
                let _ = thread.join();
            }
        });
    }
    match back.state.into_inner() {
        Ok(state) if !state.lost => state.result,
        _ => Err(lost()),
    }
}

fn lost() -> StreamError {
    StreamError::Read(io::Error::other("a reader or writer panicked"))
}

struct Front<S, B> {
    windows: Windows,
    input: Input<S>,
    before: B,
    /// Number of the next window; the end of the source has one too.
    next: u64,
}

struct State<W, A> {
    sink: W,
    after: A,
    /// Number of the window that may be written.
    turn: u64,
    result: Result<(), StreamError>,
    /// Whether a thread panicked, whose turn will never come.
    lost: bool,
}

struct Back<W, A> {
    state: Mutex<State<W, A>>,
    turned: Condvar,
    /// Whether nothing more is to be read.
    ended: AtomicBool,
}

impl<W, A> Back<W, A> {
    /// Waits for the turn of a number; `None`: it will not come.
    fn turn(&self, number: u64) -> Option<MutexGuard<'_, State<W, A>>> {
        let state = self.state.lock().ok()?;
        let early = |state: &mut State<W, A>| state.turn != number && !state.lost;
        let state = self.turned.wait_while(state, early).ok()?;
        (!state.lost).then_some(state)
    }
}

/// Tells the others when its thread panics.
struct Watch<'a, W, A>(&'a Back<W, A>);

impl<W, A> Drop for Watch<'_, W, A> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.ended.store(true, Ordering::Relaxed);
            let mut state = match self.0.state.lock() {
                Ok(state) => state,
                Err(poisoned) => poisoned.into_inner(),
            };
            state.lost = true;
            self.0.turned.notify_all();
        }
    }
}

fn run<P, R, W: Write, A: FnMut(Window, R) -> Result<(), StreamError>>(
    front: &Mutex<Front<impl Read, impl FnMut(Window) -> Result<P, StreamError>>>,
    middle: &impl Fn(Window, &mut [u8], P) -> Result<R, StreamError>,
    back: &Back<W, A>,
) {
    let _watch = Watch(back);
    let mut buffer = Vec::new();
    loop {
        let Ok(mut at) = front.lock() else { return };
        if back.ended.load(Ordering::Relaxed) {
            return;
        }
        let number = at.next;
        at.next = number.saturating_add(1);
        let read = at.read(&mut buffer);
        if !matches!(read, Ok(Some(_))) {
            back.ended.store(true, Ordering::Relaxed);
        }
        drop(at);

        let done = read.and_then(|read| match read {
            Some((window, ready)) => Ok(Some((window, middle(window, &mut buffer, ready)?))),
            None => Ok(None),
        });
        if done.is_err() {
            back.ended.store(true, Ordering::Relaxed);
        }

        let Some(mut state) = back.turn(number) else {
            return;
        };
        if state.result.is_ok() {
            state.result = done.and_then(|done| state.write(done, &buffer));
            if state.result.is_err() {
                back.ended.store(true, Ordering::Relaxed);
            }
        }
        state.turn = number.saturating_add(1);
        back.turned.notify_all();
    }
}

impl<S: Read, P, B: FnMut(Window) -> Result<P, StreamError>> Front<S, B> {
    /// The next window; `None` at the end of the source, which must be there.
    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<Option<(Window, P)>, StreamError> {
        let Some(window) = self.windows.next() else {
            return self.input.end().map(|()| None);
        };
        let ready = (self.before)(window)?;
        self.input.fill(window.bytes, buffer)?;
        Ok(Some((window, ready)))
    }
}

impl<W: Write, A> State<W, A> {
    fn write<R>(&mut self, done: Option<(Window, R)>, bytes: &[u8]) -> Result<(), StreamError>
    where
        A: FnMut(Window, R) -> Result<(), StreamError>,
    {
        match done {
            Some((window, result)) => {
                (self.after)(window, result)?;
                self.sink.write_all(bytes)
            }
            None => self.sink.flush(),
        }
        .map_err(StreamError::Write)
    }
}

struct Input<R> {
    source: R,
    at: u64,
    len: u64,
}

impl<R: Read> Input<R> {
    fn fill(&mut self, bytes: usize, buffer: &mut Vec<u8>) -> Result<(), StreamError> {
        buffer.resize(bytes, 0);
        let mut rest = buffer.as_mut_slice();
        while !rest.is_empty() {
            match self.source.read(rest) {
                Ok(0) => {
                    return Err(StreamError::Short {
                        at: self.at,
                        len: self.len,
                    })
                }
                Ok(count) => {
                    rest = rest.get_mut(count..).unwrap_or_default();
                    self.at = self.at.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StreamError::Read(error)),
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), StreamError> {
        loop {
            match self.source.read(&mut [0]) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(StreamError::Long { len: self.len }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StreamError::Read(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Groups;

    const WINDOW: usize = 512 << 10;

    fn ten() -> Windows {
        Windows::all(Groups::new(10 * WINDOW as u64).unwrap())
    }

    #[test]
    fn the_first_window_with_an_error_is_told_and_nothing_after_it_is_written() {
        let content = vec![7; 10 * WINDOW];
        for bad in [0, 3, 9] {
            let mut sink = Vec::new();
            let work = Work {
                before: |window: Window| Ok(window.start),
                middle: |window: Window, _: &mut [u8], start| {
                    let index = window.start / 32;
                    assert_eq!(start, window.start);
                    if index == bad {
                        // Those after it are done before.
                        thread::sleep(Duration::from_millis(20));
                    }
                    match index >= bad {
                        true => Err(StreamError::BadGroup { index }),
                        false => Ok(index),
                    }
                },
                after: |window: Window, index| {
                    assert_eq!(index, window.start / 32);
                    Ok(())
                },
            };
            let error = pipe(ten(), content.as_slice(), &mut sink, work).unwrap_err();
            assert!(matches!(error, StreamError::BadGroup { index } if index == bad));
            assert_eq!(sink.len(), bad as usize * WINDOW);
        }
    }

    #[test]
    fn a_thread_that_panics_leaves_no_other_waiting() {
        struct Panics(usize);
        impl Read for Panics {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(buffer.len()).expect("on purpose");
                Ok(buffer.len())
            }
        }
        let quiet = || Work {
            before: |_: Window| Ok(()),
            middle: |_: Window, _: &mut [u8], ()| Ok(()),
            after: |_: Window, ()| Ok(()),
        };
        let source = Panics(3 * WINDOW);
        assert!(pipe(ten(), source, io::sink(), quiet()).is_err());

        let work = Work {
            before: |_: Window| Ok(()),
            middle: |window: Window, _: &mut [u8], ()| match window.start {
                96 => panic!("on purpose"),
                _ => Ok(()),
            },
            after: |_: Window, ()| Ok(()),
        };
        assert!(pipe(
            ten(),
            io::repeat(0).take(10 * WINDOW as u64),
            io::sink(),
            work
        )
        .is_err());
        assert!(pipe(
            ten(),
            io::repeat(0).take(10 * WINDOW as u64),
            io::sink(),
            quiet()
        )
        .is_ok());
    }
}
