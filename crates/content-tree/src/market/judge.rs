use alloc::vec::Vec;

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use thiserror::Error;

use super::{public_key, Context, Secret, Wrapped};
use crate::{Error, GroupProof, Groups, Root, Value, GROUP, MAX_PATH};

/// Evidence that a seller sold a wrong key or a wrong group: at most 18,127 bytes encoded.
///
/// It publishes `b` and so the seal's key.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Evidence {
    /// `b`: the buyer's scalar of this order.
    pub b: [u8; 32],
    /// The group, unless the key alone is wrong.
    pub group: Option<GroupEvidence>,
}

/// One group as it was published, with its value in the goods that were named.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct GroupEvidence {
    /// Index of the group.
    pub index: u64,
    /// Its bytes in `z`.
    pub z_group: BoundedVec<u8, ConstU32<{ GROUP as u32 }>>,
    /// Its siblings in the tree of `z`, from the group upwards.
    pub z_path: BoundedVec<Value, ConstU32<{ MAX_PATH as u32 }>>,
    /// Its chaining value in `x`.
    pub x_cv: Value,
    /// Its siblings in the tree of `x`, from the group upwards.
    pub x_path: BoundedVec<Value, ConstU32<{ MAX_PATH as u32 }>>,
}

impl Evidence {
    /// Evidence that the key is wrong.
    pub fn of_key(b: &Secret) -> Self {
        Self {
            b: *b.expose(),
            group: None,
        }
    }

    /// Evidence that a group is wrong: its bytes in `z`, and its proofs out of both outboards
    /// ([`Groups::prove`]).
    ///
    /// # Errors
    ///
    /// [`Error::TwoGroups`] when the proofs do not belong together; [`Error::WrongGroupLength`],
    /// [`Error::WrongPathLength`] when something is longer than the longest valid.
    pub fn of_group(
        b: &Secret,
        z_group: Vec<u8>,
        z_proof: &GroupProof,
        x_proof: &GroupProof,
    ) -> Result<Self, Error> {
        if z_proof.index != x_proof.index {
            return Err(Error::TwoGroups {
                first: z_proof.index,
                second: x_proof.index,
            });
        }
        let z_group = BoundedVec::try_from(z_group).map_err(|bytes| Error::WrongGroupLength {
            expected: GROUP as u64,
            actual: bytes.len() as u64,
        })?;
        let path = |proof: &GroupProof| {
            BoundedVec::try_from(proof.path.clone()).map_err(|path| Error::WrongPathLength {
                expected: MAX_PATH as u64,
                actual: path.len() as u64,
            })
        };
        Ok(Self {
            b: *b.expose(),
            group: Some(GroupEvidence {
                index: x_proof.index,
                z_group,
                z_path: path(z_proof)?,
                x_cv: x_proof.value,
                x_path: path(x_proof)?,
            }),
        })
    }
}

/// What evidence has proven.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Fault {
    /// The key the seller revealed is not the one he committed to.
    #[codec(index = 0)]
    BadKey,
    /// A group of what he published does not decrypt to the goods he named.
    #[codec(index = 1)]
    BadGroup,
}

/// Why evidence was refused, the cheapest reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The scalar does not give the buyer's key of this order.
    #[error("this is not the key the order was placed with")]
    NotThisOrdersKey,
    /// The key is right, and the group decrypts to what was named, or none was given.
    #[error("the evidence shows nothing that is wrong")]
    NotProven,
    /// Length of the goods, index, length of the group or number of siblings.
    #[error(transparent)]
    Malformed(#[from] Error),
    /// The group is not one of the ciphertext that was sold.
    #[error("the group does not belong to the ciphertext's root")]
    NotOfCiphertext,
    /// The chaining value is not one of the goods that were named.
    #[error("the chaining value does not belong to the root of the goods")]
    NotOfGoods,
}

/// All that the chain knows of an order whose key was revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    /// `ctx` of the seal.
    pub context: Context,
    /// The order's number.
    pub order: u64,
    /// `L`: length of the goods in bytes.
    pub len: u64,
    /// Root of the goods.
    pub x_root: Root,
    /// Root of the ciphertext.
    pub z_root: Root,
    /// `h_k`: the commitment to the key.
    pub commitment: [u8; 32],
    /// `B`: the buyer's public key.
    pub buyer: [u8; 32],
    /// What the seller revealed.
    pub wrapped: Wrapped,
}

impl Sale {
    /// What `evidence` proves against the seller. Index and length are the chain's, never the
    /// prover's.
    ///
    /// At most two multiplications on the curve, and the hashing of two groups and their paths.
    ///
    /// # Errors
    ///
    /// [`JudgeError`]; whatever is refused proves nothing.
    pub fn judge(&self, evidence: &Evidence) -> Result<Fault, JudgeError> {
        let groups = Groups::new(self.len)?;
        let b = Secret::new(evidence.b);
        if public_key(&b) != self.buyer {
            return Err(JudgeError::NotThisOrdersKey);
        }
        let key = self
            .context
            .unwrap_for(&self.wrapped, self.order, &b, &self.buyer);
        if self.context.commit(&key) != self.commitment {
            return Ok(Fault::BadKey);
        }
        let group = evidence.group.as_ref().ok_or(JudgeError::NotProven)?;
        let index = group.index;
        let z_cv = groups.node(index, &group.z_group)?;
        if groups.fold(index, z_cv, &group.z_path)? != self.z_root {
            return Err(JudgeError::NotOfCiphertext);
        }
        if groups.fold(index, group.x_cv, &group.x_path)? != self.x_root {
            return Err(JudgeError::NotOfGoods);
        }
        let mut bytes = group.z_group.to_vec();
        self.context.cipher(&key).apply(index, &mut bytes);
        if groups.node(index, &bytes)? == group.x_cv {
            return Err(JudgeError::NotProven);
        }
        Ok(Fault::BadGroup)
    }
}
