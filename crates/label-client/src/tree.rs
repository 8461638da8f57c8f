//! All paths of the Merkle tree over page leaves in one go. The tree is that of
//! [`athanor_primitives::labels::pages_root`]: leaves are hashed, neighbours are joined, and
//! an odd last node moves up as it is.

use athanor_primitives::labels::PageLeaf;
use sp_crypto_hashing::blake2_256;

type Hash = [u8; 32];

fn join(left: &Hash, right: &Hash) -> Hash {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    blake2_256(&both)
}

/// The path of each leaf, bottom up.
pub(crate) fn paths(leaves: &[PageLeaf]) -> Vec<Vec<Hash>> {
    let hashes = leaves.iter().map(|leaf| blake2_256(&leaf.leaf()));
    let mut rows = vec![hashes.collect::<Vec<_>>()];
    while let Some(row) = rows.last().filter(|row| row.len() > 1) {
        let next = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => join(left, right),
                rest => rest.first().copied().unwrap_or_default(),
            })
            .collect();
        rows.push(next);
    }
    let path = |index: usize| {
        let mut at = index;
        let mut path = Vec::new();
        for row in &rows {
            path.extend(row.get(at ^ 1).copied());
            at /= 2;
        }
        path
    };
    (0..leaves.len()).map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_primitives::labels::page_path;

    #[test]
    fn the_paths_are_those_the_chain_verifies() {
        for count in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 100, 257] {
            let leaves: Vec<PageLeaf> = (0..count)
                .map(|page| PageLeaf {
                    page,
                    content_root: [page as u8; 32],
                    bytes: page,
                    gold_commit: [1; 32],
                })
                .collect();
            let all = paths(&leaves);
            assert_eq!(all.len(), count as usize);
            for (page, path) in (0..).zip(all) {
                assert_eq!(Some(path), page_path(&leaves, page));
            }
        }
    }
}
