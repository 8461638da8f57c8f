use std::io::{self, Read, Write};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread;

use super::window::{Window, Windows};
use super::StreamError;

/// Windows held at a time: one being read, one worked on, one being written, one to spare.
const HELD: usize = 4;

/// Reads the windows of `source` in turn, does `work` with each and writes what it leaves to `sink`.
/// Reading and writing have a thread each, unless there is only one window.
///
/// The first error in the order work, reading, writing is given.
pub(super) fn pipe(
    windows: Windows,
    source: impl Read + Send,
    mut sink: impl Write + Send,
    mut work: impl FnMut(Window, &mut [u8]) -> Result<(), StreamError>,
) -> Result<(), StreamError> {
    let mut input = Input {
        source,
        at: 0,
        len: windows.bytes(),
    };
    if windows.clone().nth(1).is_none() {
        let mut buffer = Vec::new();
        for window in windows {
            input.fill(window.bytes, &mut buffer)?;
            work(window, &mut buffer)?;
            sink.write_all(&buffer).map_err(StreamError::Write)?;
        }
        input.end()?;
        return sink.flush().map_err(StreamError::Write);
    }
    thread::scope(|scope| {
        let (free, empty) = channel();
        for _ in 0..HELD {
            // The other end is at hand.
            let _ = free.send(Vec::new());
        }
        let (full, ready) = channel();
        let (done, finished) = channel();
        let reader = scope.spawn(move || input.run(windows, &empty, &full));
        let writer = scope.spawn(move || drain(sink, &finished, &free));
        let worked = process(&ready, &done, &mut work);
        drop((ready, done));
        let (read, written) = (reader.join(), writer.join());
        worked?;
        read.unwrap_or_else(|_| Err(lost()))?;
        written.unwrap_or_else(|_| Err(lost()))
    })
}

fn lost() -> StreamError {
    StreamError::Read(io::Error::other("a reader or writer panicked"))
}

type Full = (Window, Vec<u8>);

fn process(
    ready: &Receiver<Full>,
    done: &Sender<Vec<u8>>,
    work: &mut impl FnMut(Window, &mut [u8]) -> Result<(), StreamError>,
) -> Result<(), StreamError> {
    for (window, mut buffer) in ready {
        work(window, &mut buffer)?;
        if done.send(buffer).is_err() {
            // The writer has ended with an error, which its thread hands on.
            break;
        }
    }
    Ok(())
}

fn drain(
    mut sink: impl Write,
    finished: &Receiver<Vec<u8>>,
    free: &Sender<Vec<u8>>,
) -> Result<(), StreamError> {
    for buffer in finished {
        sink.write_all(&buffer).map_err(StreamError::Write)?;
        // At the end nobody takes it back.
        let _ = free.send(buffer);
    }
    sink.flush().map_err(StreamError::Write)
}

struct Input<R> {
    source: R,
    at: u64,
    len: u64,
}

impl<R: Read> Input<R> {
    fn run(
        mut self,
        windows: Windows,
        empty: &Receiver<Vec<u8>>,
        full: &Sender<Full>,
    ) -> Result<(), StreamError> {
        for window in windows {
            let Ok(mut buffer) = empty.recv() else {
                return Ok(());
            };
            self.fill(window.bytes, &mut buffer)?;
            if full.send((window, buffer)).is_err() {
                return Ok(());
            }
        }
        self.end()
    }

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
