use std::ops::Range;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH};
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use super::{Client, Source, Tries};
use crate::store::part_bytes;
use crate::{root_hex, Error, Progress, Root};

/// Longest [`Progress`] a store may send: of 10,000 parts every other one missing.
const MOST_JSON: usize = 256 * 1024;

impl Client {
    /// Stores a large blob in parts, with its outboard. What the store has already is not sent
    /// again: an upload that broke off, also by an earlier run, goes on. `progress(done, total)` is
    /// told bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] when the blob is empty or above 1 TiB; [`Error::RootMismatch`] when the
    /// bytes have another root: nothing is sent then; [`Error::Unauthorised`]; [`Error::Refused`] with
    /// status 413, 422, 503 or 507, see [`router`](crate::router); [`Error::BadAnswer`],
    /// [`Error::Io`], [`Error::Transport`], [`Error::TooSlow`].
    pub async fn put_in_parts(
        &self,
        root: &Root,
        source: impl Into<Source>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let source = source.into();
        let total = source.size().await?;
        let (actual, outboard) = source.outboard().await?;
        if actual != *root {
            return Err(Error::RootMismatch {
                expected: *root,
                actual,
            });
        }
        let upload = Sending {
            client: self,
            root,
            total,
            source: &source,
            outboard: Source::from(outboard.path()),
        };
        let mut tries = Tries::new(&self.options);
        loop {
            let mut gained = 0;
            match upload.go_on(&mut gained, &mut progress).await {
                Err(error) if tries.again(&error, gained).await => {}
                answer => return answer,
            }
        }
    }
}

struct Sending<'a> {
    client: &'a Client,
    root: &'a Root,
    total: u64,
    source: &'a Source,
    outboard: Source,
}

impl Sending<'_> {
    async fn go_on(
        &self,
        gained: &mut u64,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let begin = self.request(Method::POST, "")?;
        let response = self.client.send(begin, self.client.options.answer).await?;
        let mut state = self.state(response).await?;
        let missing = state.missing.clone();
        let lacking = missing.iter().flat_map(|(start, end)| *start..*end);
        let lacking = lacking.fold(0u64, |sum, index| {
            let span = self.span(index);
            sum.saturating_add(span.end.saturating_sub(span.start))
        });
        let mut done = if state.complete {
            self.total
        } else {
            self.total.saturating_sub(lacking)
        };
        progress(done, self.total);
        if !state.complete && !state.outboard {
            let len = self.outboard.size().await?;
            let (body, sent) = self.outboard.body().await?;
            let request = self.request(Method::PUT, "/outboard")?;
            let request = request.header(CONTENT_LENGTH, len).body(body);
            let mut quiet = |_, _| ();
            let sending = self.client.send_body(request, sent, len, &mut quiet);
            state = self.state(sending.await?).await?;
        }
        for index in missing.into_iter().flat_map(|(start, end)| start..end) {
            if state.complete {
                break;
            }
            let span = self.span(index);
            let len = span.end.saturating_sub(span.start);
            let (body, sent) = self.source.body_part(span).await?;
            let request = self.request(Method::PUT, &format!("/parts/{index}"))?;
            let request = request.header(CONTENT_LENGTH, len).body(body);
            let mut told = |now: u64, _| progress(done.saturating_add(now), self.total);
            let sending = self.client.send_body(request, sent, len, &mut told);
            state = self.state(sending.await?).await?;
            done = done.saturating_add(len);
            *gained = gained.saturating_add(len);
            progress(done, self.total);
        }
        if !state.complete {
            return Err(self.nonsense("it took every part and has no blob"));
        }
        progress(self.total, self.total);
        Ok(())
    }

    fn request(&self, method: Method, rest: &str) -> Result<RequestBuilder, Error> {
        let path = format!("uploads/{}/{}{rest}", root_hex(self.root), self.total);
        let request = self.client.request_at(method, &path)?;
        Ok(match &self.client.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        })
    }

    fn span(&self, index: u64) -> Range<u64> {
        let size = part_bytes(self.total);
        let start = index.saturating_mul(size).min(self.total);
        start..start.saturating_add(size).min(self.total)
    }

    fn nonsense(&self, why: &'static str) -> Error {
        Error::BadAnswer {
            url: self.client.url(),
            why,
        }
    }

    /// Reads how far the store is.
    async fn state(&self, mut response: Response) -> Result<Progress, Error> {
        if response.status() != StatusCode::OK {
            return Err(self.client.refusal(self.root, response).await);
        }
        let mut text = Vec::new();
        let reading = async {
            while let Some(piece) = response.chunk().await? {
                text.extend_from_slice(&piece);
                if text.len() > MOST_JSON {
                    break;
                }
            }
            Ok(())
        };
        match tokio::time::timeout(self.client.options.idle, reading).await {
            Err(_) => return Err(self.client.slow(0)),
            Ok(read) => read.map_err(|source| self.client.transport(source))?,
        }
        let state: Progress = serde_json::from_slice(text.get(..MOST_JSON).unwrap_or(&text))
            .map_err(|_| self.nonsense("its upload's progress cannot be read"))?;
        let size = part_bytes(self.total);
        let mut before = None;
        let sane = state.missing.iter().all(|(start, end)| {
            let after = before.is_none_or(|before| before < *start);
            before = Some(*end);
            after && start < end && *end <= state.parts
        });
        if state.part_bytes != size || state.parts != self.total.div_ceil(size) || !sane {
            return Err(self.nonsense("its upload has other parts than this length gives"));
        }
        Ok(state)
    }
}
