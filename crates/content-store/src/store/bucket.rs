use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};

use super::upload::{part_bytes, LEAST_PART};
use super::{Blob, Kind};
use crate::name::parse_name;
use crate::{root_hex, Error, Root};

trait Objects: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Objects for T {}

/// Where the blobs of a [`Store`](crate::Store) lie if not in its folder: a bucket of S3 or of
/// anything that speaks as S3 does. Keys are `blobs/<64 hex digits>`, and so in `outboards` and
/// `samples`, after the prefix if there is one, so a bucket may also be served by others.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn Objects>,
    prefix: Path,
    name: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

impl Bucket {
    /// The bucket at `url`, for instance `s3://name/prefix`. Keys, region and the rest come from the
    /// environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, …), never from a URL
    /// or an option, which others could read. `endpoint` names a server that is not Amazon's; plain
    /// `http` is for servers on this machine or its network.
    ///
    /// # Errors
    ///
    /// [`Error::BadBucket`].
    pub fn new(url: &str, endpoint: Option<&str>) -> Result<Self, Error> {
        let bad = |why: String| Error::BadBucket { why };
        let place = url
            .strip_prefix("s3://")
            .ok_or_else(|| bad("its URL starts with s3://".to_owned()))?;
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() || name.contains(['@', '?', '#', ':']) {
            return Err(bad("its URL is s3://name or s3://name/prefix".to_owned()));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/'))
            .map_err(|error| bad(format!("its prefix: {error}")))?;
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(name)
            .with_http_connector(Connector);
        if let Some(endpoint) = endpoint {
            let plain = endpoint.starts_with("http://");
            if !plain && !endpoint.starts_with("https://") {
                return Err(bad(
                    "its endpoint starts with https:// or http://".to_owned()
                ));
            }
            builder = builder.with_endpoint(endpoint).with_allow_http(plain);
        }
        let objects = builder.build().map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            objects: Arc::new(objects),
            prefix,
            name: format!("s3://{place}"),
        })
    }

    /// A bucket in memory, for tests.
    #[doc(hidden)]
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(object_store::memory::InMemory::new()),
            prefix: Path::from("some/prefix"),
            name: "memory".to_owned(),
        }
    }

    fn failed(action: &'static str) -> impl FnOnce(object_store::Error) -> Error {
        move |error| Error::Bucket {
            action,
            why: error.to_string(),
        }
    }

    fn folder(&self, kind: Kind) -> Path {
        self.prefix.clone().join(kind.name())
    }

    fn key(&self, kind: Kind, root: &Root) -> Path {
        self.folder(kind).join(root_hex(root))
    }

    pub(super) async fn len(&self, kind: Kind, root: &Root) -> Result<Option<u64>, Error> {
        match self.objects.head(&self.key(kind, root)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Self::failed("ask for")(error)),
        }
    }

    pub(crate) async fn read(
        &self,
        kind: Kind,
        root: &Root,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let got = self.objects.get_opts(&self.key(kind, root), options).await;
        let got = got.map_err(Self::failed("read"))?;
        Ok(got
            .into_stream()
            .map_err(|e| Self::failed("read")(e))
            .boxed())
    }

    pub(super) async fn list(&self, kind: Kind) -> Result<Vec<Blob>, Error> {
        let folder = self.folder(kind);
        let listed = self.objects.list(Some(&folder)).map_err(Self::failed_each);
        let named = listed.try_filter_map(|meta| async move {
            let root = meta
                .location
                .filename()
                .and_then(|name| parse_name(name).ok());
            let len = meta.size;
            Ok(root.map(|root| Blob { root, len }))
        });
        let mut blobs: Vec<Blob> = named.try_collect().await?;
        blobs.sort_by_key(|blob| blob.root);
        Ok(blobs)
    }

    fn failed_each(error: object_store::Error) -> Error {
        Self::failed("list")(error)
    }

    /// `false` when it was absent.
    pub(super) async fn remove(&self, kind: Kind, root: &Root) -> Result<bool, Error> {
        if self.len(kind, root).await?.is_none() {
            return Ok(false);
        }
        let removed = self.objects.delete(&self.key(kind, root)).await;
        removed.map(|()| true).map_err(Self::failed("remove"))
    }

    pub(super) async fn put(&self, kind: Kind, root: &Root, bytes: Bytes) -> Result<(), Error> {
        let put = self.objects.put(&self.key(kind, root), bytes.into()).await;
        put.map(|_| ()).map_err(Self::failed("write"))
    }

    pub(super) async fn begin(&self, kind: Kind, root: &Root) -> Result<String, Error> {
        let begun = self.objects.create_multipart(&self.key(kind, root)).await;
        begun.map_err(Self::failed("begin"))
    }

    pub(super) async fn put_part(
        &self,
        (kind, root): (Kind, &Root),
        id: &str,
        index: u64,
        bytes: Bytes,
    ) -> Result<String, Error> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let (key, id) = (self.key(kind, root), id.to_owned());
        let put = self
            .objects
            .put_part(&key, &id, index, PutPayload::from(bytes));
        Ok(put.await.map_err(Self::failed("write"))?.content_id)
    }

    pub(super) async fn complete(
        &self,
        (kind, root): (Kind, &Root),
        id: &str,
        parts: Vec<String>,
    ) -> Result<(), Error> {
        let part = |content_id| PartId { content_id };
        let parts = parts.into_iter().map(part).collect();
        let (key, id) = (self.key(kind, root), id.to_owned());
        let done = self.objects.complete_multipart(&key, &id, parts).await;
        done.map(|_| ()).map_err(Self::failed("complete"))
    }

    pub(super) async fn abort(&self, kind: Kind, root: &Root, id: &str) {
        let (key, id) = (self.key(kind, root), id.to_owned());
        if let Err(error) = self.objects.abort_multipart(&key, &id).await {
            tracing::warn!(%error, "an upload to the bucket could not be given up");
        }
    }

    /// Puts a file whose content has been checked.
    pub(super) async fn put_file(
        &self,
        kind: Kind,
        root: &Root,
        path: &FilePath,
    ) -> Result<(), Error> {
        let len = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .len();
        let mut file = std::fs::File::open(path).map_err(Error::io("open", path))?;
        let mut next = |size: u64| {
            let mut bytes = Vec::new();
            let taken = file.by_ref().take(size).read_to_end(&mut bytes);
            taken
                .map(|_| Bytes::from(bytes))
                .map_err(Error::io("read", path))
        };
        if len <= LEAST_PART {
            return self.put(kind, root, next(len)?).await;
        }
        let id = self.begin(kind, root).await?;
        let size = part_bytes(len);
        let mut parts = Vec::new();
        let sent = async {
            for index in 0..len.div_ceil(size) {
                parts.push(self.put_part((kind, root), &id, index, next(size)?).await?);
            }
            self.complete((kind, root), &id, parts).await
        };
        let sent = sent.await;
        if sent.is_err() {
            self.abort(kind, root, &id).await;
        }
        sent
    }
}

/// The HTTP client that the rest of this crate uses, so that there is one of them in the program.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &object_store::ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options
            .get_config_value(&object_store::ClientConfigKey::AllowHttp)
            .is_some_and(|value| value == "true");
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!plain)
            .build();
        match client {
            Ok(client) => Ok(HttpClient::new(Http(client))),
            Err(error) => Err(object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            }),
        }
    }
}

#[derive(Debug)]
struct Http(reqwest::Client);

fn http_error(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_request() {
        HttpErrorKind::Request
    } else if error.is_body() {
        HttpErrorKind::Interrupted
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Unknown
    };
    HttpError::new(kind, error.without_url())
}

#[async_trait::async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = reqwest::Url::parse(&parts.uri.to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(match body.as_bytes() {
            Some(bytes) => bytes.clone().into(),
            None => reqwest::Body::wrap(body),
        });
        let response = self.0.execute(request).await.map_err(http_error)?;
        let response: axum::http::Response<reqwest::Body> = response.into();
        let (parts, body) = response.into_parts();
        let body = HttpResponseBody::new(body.map_err(http_error));
        Ok(HttpResponse::from_parts(parts, body))
    }
}
