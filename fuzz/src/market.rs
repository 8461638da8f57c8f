use crate::{content::Numbers, memory, noise};
use athanor_content_tree::{
    market::{
        buyer_secret, container_len, draw, payload_len, public_key, Context, Evidence, Fault,
        Header, Sale, Secret,
    },
    root,
    stream::{self, StreamError},
    Groups, Outboard, Root, GROUP, GROUP_LOG,
};
use codec::{Decode, DecodeAll, Encode};
use std::io::{sink, Cursor};

/// Windows of the stream, of which there are four at most, and evidence.
const ROOM: usize = 16 << 20;

fn outboard(bytes: &[u8]) -> (Root, Vec<u8>) {
    let mut made = Cursor::new(Vec::new());
    let root = stream::encode(bytes.len() as u64, bytes, &mut made).expect("in memory");
    (root, made.into_inner())
}

/// Decodes and judges evidence: a stranger's bytes are refused or have one encoding, nothing
/// convicts an honest sale, and a group that was spoilt is always convicted.
pub fn evidence(data: &[u8]) {
    let mut numbers = Numbers(data);
    let len = 1 + numbers.long() % (5 * GROUP as u64);
    let (at, look, order) = (numbers.long() % len, numbers.long(), numbers.long());
    let by = numbers.byte();
    let flips: Vec<(u64, u8)> = (0..numbers.byte() % 8)
        .map(|_| (numbers.long(), numbers.byte()))
        .collect();
    let rest = numbers.0;

    let x = noise(order, len as usize);
    let (x_root, x_outboard) = outboard(&x);
    let context = Context::new(&[1; 32], &[2; 32], &x_root, len, &[3; 16]);
    let key = context.key(&Secret::new([4; 32]));
    let b = buyer_secret(&Secret::new([5; 32]), &[1; 32], look, &[6; 16]);
    let buyer = public_key(&b);
    let e = context.wrap_secret(&Secret::new([4; 32]), order, &buyer);
    let mut z = Vec::new();
    let made = Cursor::new(Vec::new());
    let cipher = context.cipher(&key);
    stream::seal(&cipher, &x_root, len, &x_outboard[..], &x[..], &mut z, made)
        .expect("the goods that were named");
    z[at as usize] ^= by;
    let (z_root, z_outboard) = outboard(&z);
    let sale = Sale {
        context,
        order,
        len,
        x_root,
        z_root,
        commitment: context.commit(&key),
        buyer,
        wrapped: context.wrap(&key, order, &buyer, &e),
    };

    memory::within(ROOM, || {
        if let Ok(strange) = Evidence::decode(&mut &rest[..]) {
            let again = strange.encode();
            assert_eq!(again, rest[..again.len()], "one encoding");
            assert!(sale.judge(&strange).is_err(), "who knows b?");
        }
        if let Some(bytes) = rest.first_chunk() {
            if let Ok(header) = Header::decode(look, bytes) {
                assert_eq!(header.encode(), *bytes);
            }
        }
        if let Ok(payload) = payload_len(look) {
            assert_eq!(container_len(payload), Ok(look));
        }
    });

    let groups = Groups::new(len).expect("a length in bounds");
    let index = look % groups.count();
    let proof = |root, outboard: &[u8]| {
        let read = |at, node: &mut [u8; 64]| {
            node.copy_from_slice(&outboard[at as usize..][..64]);
            Ok::<_, ()>(())
        };
        groups.prove(root, index, read).expect("its own outboard")
    };
    let start = index as usize * GROUP;
    let group = z[start..z.len().min(start + GROUP)].to_vec();
    let honest = Evidence::of_group(
        &b,
        group,
        &proof(&z_root, &z_outboard),
        &proof(&x_root, &x_outboard),
    )
    .expect("a group in bounds");
    let spoilt = by != 0 && at / GROUP as u64 == index;
    let convicts = |evidence: &Evidence| sale.judge(evidence) == Ok(Fault::BadGroup);
    assert_eq!(convicts(&honest), spoilt);
    let mut encoded = honest.encode();
    let size = encoded.len() as u64;
    for (place, by) in flips {
        encoded[(place % size) as usize] ^= by;
    }
    if let Ok(changed) = Evidence::decode_all(&mut &encoded[..]) {
        assert!(by != 0 || sale.judge(&changed).is_err());
    }
}

/// Streams with their outboards: those of strangers are refused, honest ones are taken whole and by
/// range, one wrong byte is found in its group or its node.
pub fn stream(data: &[u8]) {
    let mut numbers = Numbers(data);
    let len = numbers.length();
    let (seed, from, size) = (numbers.long(), numbers.long(), numbers.long());
    let (by, cut) = (numbers.byte(), numbers.length());
    let rest = numbers.0;
    let (nodes, bytes) = rest.split_at(rest.len().min(cut as usize));
    memory::within(ROOM, || {
        assert!(stream::verify(&[by; 32], len, nodes, bytes, sink()).is_err());
        assert!(stream::check_outboard(&[by; 32], len, nodes).is_err() || len <= GROUP as u64);
        let range = from..from.saturating_add(size);
        let read = Cursor::new(nodes);
        assert!(stream::verify_range(&[by; 32], len, range, read, bytes, sink()).is_err());
        let own = stream::verify(&root(bytes), bytes.len() as u64, &[][..], bytes, sink());
        assert_eq!(own.is_ok(), (1..=GROUP).contains(&bytes.len()), "{own:?}");
    });

    let len = 1 + len % (1 << 19);
    let mut content = noise(seed, len as usize);
    let (own, mut made) = outboard(&content);
    let other = Outboard::of(&content, GROUP_LOG).expect("a group in bounds");
    assert_eq!((other.root(), other.encode()), (own, made.clone()));
    let groups = len.div_ceil(GROUP as u64);
    let first = from % groups;
    let last = first + 1 + size % (groups - first);
    let part = first as usize * GROUP..content.len().min(last as usize * GROUP);
    let mut copy = Vec::new();
    let read = Cursor::new(&made);
    stream::verify_range(
        &own,
        len,
        first..last,
        read,
        &content[part.clone()],
        &mut copy,
    )
    .expect("an honest range");
    assert_eq!(copy, content[part]);
    if by == 0 {
        return stream::verify(&own, len, &made[..], &content[..], sink()).expect("honest");
    }
    let at = (seed % len) as usize;
    content[at] ^= by;
    let found = stream::verify(&own, len, &made[..], &content[..], sink());
    assert!(matches!(found, Err(StreamError::BadGroup { index }) if index == (at / GROUP) as u64));
    if !made.is_empty() {
        let at = (seed % made.len() as u64) as usize;
        made[at] ^= by;
        let found = stream::check_outboard(&own, len, &made[..]);
        assert!(
            matches!(found, Err(StreamError::BadOutboard { node }) if node == (at / 64) as u64)
        );
    }
}

/// Sample files: a stranger's is refused, the one of the groups drawn is taken, and no other bytes
/// beside it.
pub fn sample(data: &[u8]) {
    let mut numbers = Numbers(data);
    let (len, seed, wanted) = (numbers.length(), numbers.long(), numbers.byte());
    let (at, by, cut) = (numbers.long(), numbers.byte(), numbers.byte());
    let rest = numbers.0;
    let nothing = |_, _: &[u8]| Ok::<_, StreamError>(());
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    memory::within(ROOM, || {
        let Ok(groups) = Groups::new(len) else { return };
        let indices = draw(&key, &groups, u32::from(wanted));
        let all = groups.count().min(u64::from(wanted));
        assert_eq!(indices.len() as u64, all);
        assert!(indices.iter().all(|index| *index < groups.count()));
        let strange = stream::check_sample(&[by; 32], len, &indices, rest, nothing);
        assert!(strange.is_err() || (all == 0 && rest.is_empty()));
    });

    let len = 1 + len % (1 << 19);
    let content = noise(seed, len as usize);
    let (root, nodes) = outboard(&content);
    let groups = Groups::new(len).expect("a length in bounds");
    let indices = draw(&key, &groups, u32::from(wanted));
    let mut file = Vec::new();
    for index in &indices {
        let read = |at, node: &mut [u8; 64]| {
            node.copy_from_slice(&nodes[at as usize..][..64]);
            Ok::<_, ()>(())
        };
        let proof = groups.prove(&root, *index, read).expect("its own outboard");
        let start = *index as usize * GROUP;
        file.extend(index.to_le_bytes());
        file.extend(&content[start..content.len().min(start + GROUP)]);
        file.extend(proof.path.as_flattened());
    }
    assert_eq!(
        stream::sample_len(len, &indices).ok(),
        Some(file.len() as u64)
    );
    let check = |file: &[u8]| {
        let mut seen = 0;
        let checked = stream::check_sample(&root, len, &indices, file, |index, group| {
            let start = index as usize * GROUP;
            assert_eq!(group, &content[start..start + group.len()]);
            seen += 1;
            Ok::<_, StreamError>(())
        });
        assert!(checked.is_err() || seen == indices.len());
        checked
    };
    check(&file).expect("what was drawn");
    if let Some(size) = (file.len() as u64).checked_sub(1) {
        let short = (cut as usize).min(file.len() - 1);
        assert!(check(&file[..short]).is_err());
        file[(at % (size + 1)) as usize] ^= by;
        assert_eq!(check(&file).is_ok(), by == 0);
    }
    file.push(0);
    assert!(check(&file).is_err());
}
