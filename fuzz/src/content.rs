use crate::{memory, noise};
use athanor_content_tree::{prove, root, verify, Chunks, Error, Outboard, Step, Subtree, Trail};

/// Reads numbers off the front of an input; 0 once it is used up.
pub(crate) struct Numbers<'a>(pub(crate) &'a [u8]);

impl Numbers<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Mostly small, at times of any size.
    pub(crate) fn length(&mut self) -> u64 {
        match self.byte() {
            0xFF => self.long(),
            shift => (self.long() & 0xFFFF) << (shift % 5),
        }
    }
}

const ROOM: usize = 4 << 20;

/// Verifies slices: those of strangers give a value or an error, honest ones give
/// the content, and one wrong byte is found out.
pub fn slice(data: &[u8]) {
    let mut numbers = Numbers(data);
    let len = numbers.length();
    let wanted: Vec<u64> = (0..numbers.byte() % 24).map(|_| numbers.length()).collect();
    let (flip, by) = (numbers.long(), numbers.byte());
    let rest = numbers.0;
    let Ok(chunks) = Chunks::from_indices(len, wanted) else {
        return;
    };
    memory::within(ROOM, || {
        let strange = verify(&[by; 32], len, &chunks, rest);
        assert!(strange.is_err() || chunks.is_empty());
        let own = root(rest);
        let whole = Chunks::all(rest.len() as u64);
        let slice = verify(&own, rest.len() as u64, &whole, rest);
        if rest.len() <= 1_024 {
            assert!(slice.is_ok(), "a chunk is its own proof");
        }
        let decoded = Outboard::decode(&[by; 32], len, by % 40, rest);
        assert!(decoded.is_err() || rest.is_empty());
    });
    if len > 1 << 18 {
        return;
    }
    let content = noise(flip, len as usize);
    let own = root(&content);
    let mut proof = prove(&content, &chunks).expect("the chunks are the content's");
    {
        let slice = verify(&own, len, &chunks, &proof).expect("an honest proof");
        for run in chunks.runs() {
            let range = run.start * 1_024..(run.end * 1_024).min(len);
            let read = slice.read(range.clone()).expect("a proven range");
            assert_eq!(read, &content[range.start as usize..range.end as usize]);
        }
    }
    if !proof.is_empty() && by != 0 {
        let at = (flip % proof.len() as u64) as usize;
        proof[at] ^= by;
        let spoilt = verify(&own, len, &chunks, &proof);
        assert_eq!(spoilt.err(), Some(Error::RootMismatch));
    }
}

/// Checks answers to demands, steps and paths: those of strangers give an error,
/// an honest thread leads to a proof of what it went down to.
pub fn answer(data: &[u8]) {
    let mut numbers = Numbers(data);
    let (len, start, count) = (numbers.length(), numbers.length(), numbers.length());
    let (group, by) = (numbers.long(), numbers.byte());
    let siblings = usize::from(numbers.byte());
    let rest = numbers.0;
    memory::within(ROOM, || {
        if let Ok(subtree) = Subtree::new(len, start, count, [by; 32]) {
            assert!(subtree.answer_len() <= 32 << 10);
            assert!(subtree.check(rest).is_err());
            assert!(subtree.step(rest, group).is_err());
            let step = Step {
                group,
                value: [by; 32],
                siblings: vec![[by; 32]; siblings],
            };
            // Where there is one group there is nothing to go down.
            if let Ok(next) = subtree.descend(&step) {
                assert_eq!(next, subtree);
            }
        }
    });
    let len = len % (1 << 19);
    let content = noise(group, len as usize);
    let own = root(&content);
    let mut trail = Trail::new(own, len);
    for _ in 0..8 {
        let subtree = *trail.current();
        let from = (subtree.start() * 1_024).min(len) as usize;
        let to = ((subtree.start() + subtree.count()) * 1_024).min(len) as usize;
        let mut honest = subtree
            .answer(&content[from..to])
            .expect("an answer of one's own content");
        subtree.check(&honest).expect("an honest answer");
        let group = numbers.long() % 1_100;
        if trail.clone().descend(&honest, group).is_err() {
            let first = subtree.start();
            let Ok(chunks) = Chunks::from_indices(len, [first]) else {
                return;
            };
            if let Ok(proof) = trail.prove(&honest, &chunks) {
                verify(&own, len, &chunks, &proof).expect("the thread's own proof");
            }
            if by != 0 && !honest.is_empty() {
                let at = (group % honest.len() as u64) as usize;
                honest[at] ^= by;
                assert_eq!(subtree.check(&honest), Err(Error::RootMismatch));
            }
            return;
        }
        trail.descend(&honest, group).expect("as just now");
    }
}
