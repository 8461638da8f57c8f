//! Content stores as the commands use them.

use crate::{
    error::{Error, Result},
    output::Output,
    scale,
};
use athanor_content_store::{Client, Source};
use athanor_primitives::Root;
use std::path::{Path, PathBuf};

/// Longest blob that is fetched when its length is not known: 16 GiB.
pub const MAX_BLOB: u64 = 16 << 30;

/// A blob that lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileBlob {
    /// The file.
    pub path: PathBuf,
    /// The root of its bytes.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
}

/// Reads a root: 64 hex digits, with or without `0x`.
pub fn parse_root(text: &str) -> std::result::Result<Root, String> {
    athanor_content_store::parse_root(text).map_err(|_| {
        format!("'{text}' is no root: a root is 0x and 64 hex digits, as `store put` prints it")
    })
}

/// Hashes a file.
pub async fn hash(path: &Path, output: &Output) -> Result<FileBlob> {
    let source = Source::from(path);
    let failed = |source| Error::File {
        action: "read",
        path: path.into(),
        source,
    };
    let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::BadFile {
            path: path.into(),
            reason: "this is no file".into(),
        });
    }
    let _progress = output.spinner(format!("hashing {}", path.display()));
    let root = source.root().await?;
    Ok(FileBlob {
        path: path.into(),
        root,
        len: metadata.len(),
    })
}

/// Uploads a file unless the store has it. Gives whether anything was sent.
pub async fn upload(client: &Client, blob: &FileBlob, output: &Output) -> Result<bool> {
    if client.head(&blob.root).await? == Some(blob.len) {
        return Ok(false);
    }
    let name = blob
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let progress = output.transfer(name.unwrap_or_default(), blob.len);
    client
        .put(&blob.root, blob.path.as_path(), |done, total| {
            progress.transferred(done, total)
        })
        .await?;
    Ok(true)
}

/// Downloads a blob into a file from the first store that has it, continuing
/// what an earlier attempt left.
pub async fn download(
    clients: &[Client],
    root: &Root,
    dest: &Path,
    limit: u64,
    output: &Output,
) -> Result<u64> {
    let mut last = None;
    for client in clients {
        let progress = output.transfer(client.base().to_owned(), 0);
        let result = client
            .get_to_file(root, dest, limit, |done, total| {
                progress.transferred(done, total)
            })
            .await;
        drop(progress);
        match result {
            Ok(len) => return Ok(len),
            Err(error) => {
                if clients.len() > 1 {
                    output.note(format!("{error}"));
                }
                last = Some(error);
            }
        }
    }
    Err(last.map_or_else(
        || {
            Error::Usage(format!(
                "no store to fetch {} from: give --store URL",
                scale::hex(root)
            ))
        },
        Error::Store,
    ))
}

/// Writes a blob that is already in memory to a file, after checking its root.
pub fn write_verified(bytes: &[u8], root: &Root, dest: &Path) -> Result<u64> {
    let actual = athanor_content_tree::root(bytes);
    if actual != *root {
        return Err(Error::Store(athanor_content_store::Error::RootMismatch {
            expected: *root,
            actual,
        }));
    }
    let failed = |source| Error::File {
        action: "write",
        path: dest.into(),
        source,
    };
    std::fs::write(dest, bytes).map_err(failed)?;
    Ok(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Format;
    use athanor_content_store::{router, Access, Limits, Store};

    fn output() -> Output {
        Output::new(Format::Json, true)
    }

    async fn serve(folder: &Path) -> String {
        let store = Store::open(folder, Limits::default()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            axum::serve(listener, router(store, Access::default()))
                .await
                .unwrap();
        });
        url
    }

    #[tokio::test]
    async fn a_file_goes_to_a_store_once_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let url = serve(&folder.path().join("store")).await;
        let path = folder.path().join("input.bin");
        std::fs::write(&path, vec![7u8; 5_000]).unwrap();
        let blob = hash(&path, &output()).await.unwrap();
        assert_eq!(blob.len, 5_000);
        assert_eq!(blob.root, athanor_content_tree::root(&[7u8; 5_000]));

        let client = Client::new(&url, None).unwrap();
        assert!(upload(&client, &blob, &output()).await.unwrap());
        assert!(
            !upload(&client, &blob, &output()).await.unwrap(),
            "it is there already"
        );

        let empty = serve(&folder.path().join("empty")).await;
        let clients = [Client::new(&empty, None).unwrap(), client];
        let dest = folder.path().join("output.bin");
        let len = download(&clients, &blob.root, &dest, MAX_BLOB, &output())
            .await
            .unwrap();
        assert_eq!(len, 5_000);
        assert_eq!(std::fs::read(&dest).unwrap(), vec![7u8; 5_000]);

        let nowhere = folder.path().join("x");
        let missing = download(&clients[..1], &blob.root, &nowhere, 9, &output()).await;
        assert_eq!(missing.unwrap_err().exit_code(), 1);
    }

    #[tokio::test]
    async fn without_a_store_or_with_a_dead_one_the_error_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("x");
        let none = download(&[], &[1; 32], &dest, MAX_BLOB, &output())
            .await
            .unwrap_err();
        assert_eq!(none.exit_code(), 2);
    }

    #[tokio::test]
    async fn only_files_are_hashed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            hash(folder.path(), &output()).await,
            Err(Error::BadFile { .. })
        ));
        let none = folder.path().join("none");
        assert!(matches!(
            hash(&none, &output()).await,
            Err(Error::File { .. })
        ));
    }

    #[test]
    fn bytes_with_another_root_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("out");
        let root = athanor_content_tree::root(b"right");
        assert!(write_verified(b"wrong", &root, &dest).is_err());
        assert!(!dest.exists());
        assert_eq!(write_verified(b"right", &root, &dest).unwrap(), 5);
    }
}
