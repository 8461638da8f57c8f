//! What a challenger does next: which part of a claimed tensor to demand, and when
//! to prove.
//!
//! Pure: it sees the challenger's own tensors, the claimed roots and the answers
//! of threads of demands, and says the next step of one. A thread follows the output
//! of the first node whose claimed root differs from one's own; all operands of
//! that node agree, so the challenger holds them. Each answer opens one level of
//! the claimed tensor's tree; the challenger takes the first part that differs
//! from its own, and has the proof when the answer is bytes: after three answers
//! at most, whatever the claimant did.
//!
//! What a proof opens of the output is one element, of a TopK a row of it, which may
//! begin in one part and end in the next, with both wrong. So there are as many
//! threads about such a node as a part can have next ones: behind the way down to the
//! first part that differs, the one after it is the next in its group, or the first
//! of the group that is next on the level above. Thread `t` turns right on level `t`,
//! and what it opens together with what the first did is a proof. All of them are
//! announced at once, for a claimant may answer when no thread can be opened any more.

use crate::part::alias;
use athanor_content_tree::{Chunks, Error as TreeError, Shape, Step, Subtree, Trail, CHUNK};
use athanor_primitives::{dispute::MAX_ANSWERS, Root};
use athanor_tensor_program::{
    judge::{claimed_range, prove_operands, Data, FraudProof, Refused},
    Operand, Validated,
};
use std::ops::Range;

/// The next step of a challenger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the claim is right about this node.
    Agree,
    /// Demand the whole output of the node.
    Ask {
        /// Threads to have about this node.
        threads: u8,
    },
    /// Demand this part of what was demanded last.
    Descend(Step),
    /// Nothing in this thread: another about this node goes on.
    Rest,
    /// Send this proof.
    Prove(Box<FraudProof>),
}

/// There is no next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisputeError {
    /// Another number of roots than the program has nodes.
    #[error("the claim has {found} roots, the program has {nodes} nodes")]
    ClaimLength {
        /// Nodes of the program.
        nodes: usize,
        /// Roots given.
        found: usize,
    },
    /// The program has no such node.
    #[error("the program has no node {0}")]
    NoSuchNode(u16),
    /// An operand of the node differs as well: that node is the one to dispute.
    #[error("node {operand}, which node {node} reads, differs too: dispute the first that does")]
    DiffersBefore {
        /// The node asked for.
        node: u16,
        /// Its operand.
        operand: u16,
    },
    /// An answer does not open what was demanded.
    #[error("answer {index} does not open the claimed root: {why}")]
    BadAnswer {
        /// Index of the answer.
        index: usize,
        /// What is wrong.
        why: TreeError,
    },
    /// More answers than lead anywhere.
    #[error("answer {0} follows bytes, behind which there is nothing to ask for")]
    AnswerTooMany(usize),
    /// The tensors given are not those of the program: a bug.
    #[error("bug: {0}")]
    Bug(String),
}

impl From<Refused> for DisputeError {
    fn from(why: Refused) -> Self {
        DisputeError::Bug(why.to_string())
    }
}

/// What can be said about node `node` of a claim by roots alone; `None` if it takes
/// the tensors. `ours` and `claim` are all nodes' roots, `batch` is the job's.
///
/// # Errors
///
/// [`DisputeError::ClaimLength`], [`DisputeError::NoSuchNode`],
/// [`DisputeError::DiffersBefore`], [`DisputeError::AnswerTooMany`].
pub fn by_roots(
    program: &Validated,
    batch: u32,
    node: u16,
    ours: &[Root],
    claim: &[Root],
    answers: usize,
) -> Result<Option<Next>, DisputeError> {
    let nodes = program.node_count();
    if claim.len() != nodes || ours.len() != nodes {
        return Err(DisputeError::ClaimLength {
            nodes,
            found: claim.len(),
        });
    }
    let root = |node: u16| {
        ours.get(usize::from(node))
            .zip(claim.get(usize::from(node)))
    };
    let (our, claimed) = root(node).ok_or(DisputeError::NoSuchNode(node))?;
    if our == claimed {
        return Ok(Some(Next::Agree));
    }
    let found = program
        .program()
        .nodes
        .get(usize::from(node))
        .ok_or(DisputeError::NoSuchNode(node))?;
    for operand in &found.operands {
        if let Operand::Node(operand) = operand {
            if root(*operand).is_none_or(|(our, claimed)| our != claimed) {
                return Err(DisputeError::DiffersBefore {
                    node,
                    operand: *operand,
                });
            }
        }
    }
    if alias(found).is_some() {
        return Ok(Some(Next::Prove(Box::new(FraudProof {
            node,
            element: 0,
            witness: None,
            claimed: Vec::new(),
            operands: vec![Vec::new(); found.operands.len()],
        }))));
    }
    if answers > usize::from(MAX_ANSWERS) {
        return Err(DisputeError::AnswerTooMany(usize::from(MAX_ANSWERS)));
    }
    if answers > 0 {
        return Ok(None);
    }
    let threads = threads(program, batch, node)?;
    Ok(Some(Next::Ask { threads }))
}

/// Threads that it takes to open whatever may be wrong in the output of `node`: one,
/// unless what a proof opens of it can lie in two parts. At most [`MAX_ANSWERS`].
fn threads(program: &Validated, batch: u32, node: u16) -> Result<u8, DisputeError> {
    let row = claimed_range(program, batch, node, 0)?.unwrap_or(0..1);
    let row = row.end.saturating_sub(row.start);
    let fits = (CHUNK as u64).is_multiple_of(row);
    let len = program.node_len(usize::from(node), batch);
    let len = len.ok_or(DisputeError::NoSuchNode(node))?;
    let mut threads = 1u8;
    let mut part = Some(Subtree::whole([0; 32], len)).filter(|_| !fits);
    while let Some(Shape::Groups { chunks, .. }) = part.map(|part| part.shape()) {
        threads = threads.saturating_add(1);
        let len = chunks.saturating_mul(CHUNK as u64);
        part = Some(Subtree::whole([0; 32], len));
    }
    Ok(threads)
}

/// Where answers lead.
#[derive(Clone, Debug)]
pub enum Followed {
    /// To a part that is to be demanded next.
    Part(Step),
    /// To nowhere: there is no part on the right of the first that differs.
    Nowhere,
    /// To the claimed bytes at `place`; in the first thread some of them differ from
    /// one's own.
    Bytes {
        /// The way there.
        trail: Box<Trail>,
        /// Where they lie in the tensor.
        place: Range<usize>,
    },
}

/// Follows `answers`, at least one, from the root `claimed` to the first part that
/// differs from one's own `tensor`, or, in thread `turn` if that is not 0, to the part
/// after it, as long as the first of their ways that differs is that of answer `turn`.
/// `None` if `claimed` is that tensor's root.
///
/// # Errors
///
/// [`DisputeError::BadAnswer`], [`DisputeError::AnswerTooMany`].
pub fn follow(
    tensor: &[u8],
    claimed: &Root,
    turn: u8,
    answers: &[impl AsRef<[u8]>],
) -> Result<Option<Followed>, DisputeError> {
    let turn = usize::from(turn);
    let len = tensor.len() as u64;
    let ours = athanor_content_tree::root(tensor);
    if ours == *claimed {
        return Ok(None);
    }
    let (mut mine, mut theirs) = (Trail::new(ours, len), Trail::new(*claimed, len));
    let mut followed = None;
    for (index, answer) in answers.iter().enumerate() {
        let answer = answer.as_ref();
        let bad = |why| DisputeError::BadAnswer { index, why };
        let bug = |why: TreeError| DisputeError::Bug(why.to_string());
        if let Some(Followed::Bytes { .. } | Followed::Nowhere) = followed {
            return Err(DisputeError::AnswerTooMany(index));
        }
        let asked = *theirs.current();
        asked.check(answer).map_err(bad)?;
        let place = bytes_of(&asked);
        if let Shape::Bytes(_) = asked.shape() {
            let trail = Box::new(theirs.clone());
            followed = Some(Followed::Bytes { trail, place });
            continue;
        }
        let own = tensor
            .get(place)
            .ok_or_else(|| DisputeError::Bug("a tensor of another length".into()))?;
        let values = mine.current().answer(own).map_err(bug)?;
        let (own_values, values_given) = (values.as_chunks::<32>().0, answer.as_chunks::<32>().0);
        let level = index.saturating_add(1);
        let first = || {
            let mut both = own_values.iter().zip(values_given);
            let first = both.position(|(own, given)| own != given);
            first.ok_or_else(|| DisputeError::Bug("roots that differ over equal parts".into()))
        };
        let group = match turn.checked_sub(level) {
            None if turn > 0 => 0,
            Some(0) => first()?.saturating_add(1),
            _ => first()?,
        };
        if group >= values_given.len() {
            followed = Some(Followed::Nowhere);
            continue;
        }
        let step = theirs.descend(answer, group as u64).map_err(bad)?;
        mine.descend(&values, group as u64).map_err(bug)?;
        followed = Some(Followed::Part(step));
    }
    let none = || DisputeError::Bug("nothing to follow".into());
    followed.ok_or_else(none).map(Some)
}

/// The bytes of a subtree in its content.
pub fn bytes_of(subtree: &Subtree) -> Range<usize> {
    let at = |chunk: u64| {
        let byte = chunk.saturating_mul(CHUNK as u64);
        usize::try_from(byte.min(subtree.content_len())).unwrap_or(usize::MAX)
    };
    at(subtree.start())..at(subtree.start().saturating_add(subtree.count()))
}

/// Claimed bytes of a node's output that a thread opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The way there.
    pub trail: Box<Trail>,
    /// Where they lie in the tensor.
    pub place: Range<usize>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What was answered in one thread about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the thread among those about this node.
    pub turn: u8,
    /// The answers, oldest first.
    pub answers: Vec<Vec<u8>>,
}

/// What follows from answers.
#[derive(Clone, Debug)]
pub enum Found {
    /// This is next.
    Next(Next),
    /// Bytes were opened, of which there may be a [proof](prove).
    Opened(Vec<Opened>),
}

/// What is next in the thread `line`, which has answers, beside `others` about the same
/// output.
///
/// # Errors
///
/// Those of [`follow`], about any of the threads.
pub fn after(
    tensor: &[u8],
    claimed: &Root,
    line: Line,
    others: Vec<Line>,
) -> Result<Found, DisputeError> {
    let mut opened = Vec::new();
    match follow(tensor, claimed, line.turn, &line.answers)? {
        None => return Ok(Found::Next(Next::Agree)),
        Some(Followed::Part(step)) => return Ok(Found::Next(Next::Descend(step))),
        Some(Followed::Nowhere) => return Ok(Found::Next(Next::Rest)),
        Some(Followed::Bytes { trail, place }) => opened.push((trail, place, line)),
    }
    for line in others {
        if line.answers.is_empty() {
            continue;
        }
        if let Some(Followed::Bytes { trail, place }) =
            follow(tensor, claimed, line.turn, &line.answers)?
        {
            opened.push((trail, place, line));
        }
    }
    let opened = opened.into_iter().map(|(trail, place, line)| Opened {
        trail,
        place,
        bytes: line.answers.into_iter().next_back().unwrap_or_default(),
    });
    Ok(Found::Opened(opened.collect()))
}

/// The proof that node `node` is wrong, from what threads `opened` of its output;
/// `None` if that takes more. `tensor` is one's own output; `data` must have it and the
/// node's operands.
///
/// # Errors
///
/// [`DisputeError::Bug`].
pub fn prove(
    data: &Data<'_>,
    program: &Validated,
    batch: u32,
    node: u16,
    tensor: &[u8],
    opened: &[Opened],
) -> Result<Option<FraudProof>, DisputeError> {
    let bug = |why: &str| DisputeError::Bug(why.into());
    let width = program
        .node_type(usize::from(node))
        .ok_or(DisputeError::NoSuchNode(node))?
        .dtype
        .width();
    for this in opened {
        let own = tensor.get(this.place.clone()).unwrap_or_default();
        let differing = own.iter().zip(&this.bytes).enumerate();
        let differing = differing.filter(|(_, (own, given))| own != given);
        let mut last = None;
        for (byte, _) in differing {
            let element = (this.place.start.saturating_add(byte) as u64)
                .checked_div(width)
                .ok_or_else(|| bug("elements of no width"))?;
            let range = claimed_range(program, batch, node, element)?
                .ok_or_else(|| bug("a node without elements"))?;
            if last.replace(range.clone()) == Some(range.clone()) {
                continue;
            }
            let others = opened.iter().filter(|other| other.place != this.place);
            for other in std::iter::once(None).chain(others.map(Some)) {
                if let Some((claimed, slice)) = row(tensor, this, other, &range)? {
                    let proof = prove_operands(data, node, element, &claimed, slice)?;
                    return Ok(Some(proof));
                }
            }
        }
    }
    Ok(None)
}

/// The claimed bytes at `range` and their slice, from what one thread opened, and
/// `another`, if that is enough.
#[allow(clippy::type_complexity)]
fn row(
    tensor: &[u8],
    this: &Opened,
    another: Option<&Opened>,
    range: &Range<u64>,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, DisputeError> {
    let bug = |why: TreeError| DisputeError::Bug(why.to_string());
    let chunks = Chunks::from_ranges(tensor.len() as u64, [range.clone()]).map_err(bug)?;
    let beside = another.map(|other| (&*other.trail, &other.bytes[..]));
    let slice = this.trail.prove_with(&this.bytes, beside, &chunks, tensor);
    let slice = match slice {
        Ok(slice) => slice,
        // A row that goes on in a part of which nothing is known.
        Err(TreeError::NoSuchSubtree { .. }) => return Ok(None),
        Err(why) => return Err(bug(why)),
    };
    let claimed = (range.start..range.end)
        .map(|at| {
            let at = usize::try_from(at).ok()?;
            let mut opened = std::iter::once(this).chain(another);
            let given = opened.find_map(|it| it.bytes.get(at.checked_sub(it.place.start)?));
            given.or_else(|| tensor.get(at)).copied()
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| DisputeError::Bug("an element outside its tensor".into()))?;
    Ok(Some((claimed, slice)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{
        interpret,
        judge::{judge, Claim, Verdict},
        ops::{Clamp, TopK},
        testing::{Choices, Job, Limits},
        DType, Execution, Node, Op, Program, Shape, TensorType,
    };

    fn by_answers(
        data: &Data<'_>,
        program: &Validated,
        batch: u32,
        tensor: &[u8],
        claimed: &Root,
        turn: u8,
        threads: &[Vec<Vec<u8>>],
        node: u16,
    ) -> Result<Next, DisputeError> {
        let lines = threads.iter().zip(0..).map(|(answers, turn)| Line {
            turn,
            answers: answers.clone(),
        });
        let (mut this, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.turn == turn);
        match after(tensor, claimed, this.pop().unwrap(), others)? {
            Found::Next(next) => Ok(next),
            Found::Opened(opened) => {
                let proof = prove(data, program, batch, node, tensor, &opened)?;
                Ok(proof.map_or(Next::Rest, |proof| Next::Prove(Box::new(proof))))
            }
        }
    }

    struct Play {
        job: Job,
        ours: Execution,
        roots: Vec<Root>,
    }

    impl Play {
        fn new(job: Job) -> Play {
            let ours = interpret(&job.program, job.batch, &job.input, &job.weights()).unwrap();
            let roots = ours.trace();
            Play { job, ours, roots }
        }

        /// Roots of a liar with `wrong` at `node`, garbage behind it.
        fn claim(&self, node: usize, wrong: &[u8], garbage: bool) -> Vec<Root> {
            let mut claim = self.roots.clone();
            claim[node] = athanor_content_tree::root(wrong);
            if garbage {
                for later in &mut claim[node + 1..] {
                    *later = [0xEE; 32];
                }
            }
            claim
        }

        /// Asks and answers until a step that is neither a demand nor rest: the step,
        /// and the answers to the thread it is of. Thread `slow` is answered when
        /// nothing else is left.
        fn settle(&self, node: u16, claim: &[Root], theirs: &[u8], slow: usize) -> (Next, usize) {
            let Job { program, batch, .. } = &self.job;
            let weights = self.job.weights();
            let data = Data::new(program, *batch, &self.job.input, &weights, &self.ours).unwrap();
            let root = claim[usize::from(node)];
            let tensor = self.ours.node(usize::from(node));
            let first = by_roots(program, *batch, node, &self.roots, claim, 0).unwrap();
            let threads = match first.unwrap() {
                Next::Ask { threads } => usize::from(threads),
                end => return (end, 0),
            };
            assert!((1..=3).contains(&threads));
            let whole = Subtree::whole(root, theirs.len() as u64);
            let mut asked = vec![Some(whole); threads];
            let mut answers: Vec<Vec<Vec<u8>>> = vec![vec![]; threads];
            loop {
                let turns = (0..threads).filter(|turn| asked[*turn].is_some());
                let turn = turns.min_by_key(|turn| *turn == slow);
                let turn = turn.expect("it came to nothing");
                let part = asked[turn].unwrap();
                answers[turn].push(part.answer(&theirs[bytes_of(&part)]).unwrap());
                let given = answers[turn].len();
                let step = by_roots(program, *batch, node, &self.roots, claim, given).unwrap();
                assert_eq!(step, None);
                let step = by_answers(
                    &data, program, *batch, tensor, &root, turn as u8, &answers, node,
                );
                asked[turn] = match step.unwrap() {
                    Next::Descend(step) => Some(part.descend(&step).unwrap()),
                    Next::Rest => None,
                    end => return (end, given),
                };
            }
        }

        fn judge(&self, claim: &[Root], proof: &FraudProof) -> Verdict {
            let weights: Vec<Root> = self
                .job
                .weights()
                .iter()
                .map(|weight| athanor_content_tree::root(weight))
                .collect();
            let input = athanor_content_tree::root(&self.job.input);
            let claim = Claim {
                batch: self.job.batch,
                input: &input,
                weights: &weights,
                trace: claim,
            };
            judge(&self.job.program, &claim, proof).unwrap()
        }

        /// Convicts a liar that has `wrong` at `node`.
        fn convict(&self, node: usize, wrong: &[u8], garbage: bool) -> usize {
            self.convict_slowly(node, wrong, garbage, 3)
        }

        /// As [`Self::convict`], when the liar is slow with one thread.
        fn convict_slowly(&self, node: usize, wrong: &[u8], garbage: bool, slow: usize) -> usize {
            let claim = self.claim(node, wrong, garbage);
            let (end, answers) = self.settle(node as u16, &claim, wrong, slow);
            let Next::Prove(proof) = end else {
                panic!("{end:?}");
            };
            assert_eq!(proof.node, node as u16);
            assert_eq!(self.judge(&claim, &proof), Verdict::Convicted);
            answers
        }
    }

    fn is_alias(job: &Job, node: usize) -> bool {
        alias(&job.program.program().nodes[node]).is_some()
    }

    #[test]
    fn a_liar_is_convicted_within_three_answers_whatever_it_corrupts() {
        let mut proofs = [0; 4];
        for seed in 0..240 {
            let mut choices = Choices::seeded(seed);
            let first = Some(seed as usize % 27);
            let limits = Limits {
                elements: if seed % 2 == 0 { 6_000 } else { 60_000 },
                ..Limits::default()
            };
            let job = Job::draw(&mut choices, &limits, first);
            let play = Play::new(job);
            for node in 0..play.job.program.node_count() {
                let mut wrong = play.ours.node(node).to_vec();
                let byte = choices.below(wrong.len());
                wrong[byte] ^= 1 << choices.below(8);
                let answers = play.convict(node, &wrong, choices.below(2) == 0);
                assert_eq!(answers == 0, is_alias(&play.job, node));
                proofs[answers] += 1;
            }
        }
        assert!(
            proofs[0] > 0 && proofs[1] > 100 && proofs[2] > 3,
            "{proofs:?}"
        );
    }

    /// A clamp of many samples: three answers deep from 32 MiB on.
    fn clamp(bytes: u32) -> Play {
        let program = Program {
            version: 1,
            max_batch: 1,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([bytes / 64, 64]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::Clamp(Clamp { lo: -100, hi: 100 }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        };
        Play::new(Job::with_data(program, &mut Choices::seeded(3)))
    }

    #[test]
    fn a_large_tensor_takes_three_answers_and_no_more() {
        let play = clamp((32 << 20) + 64 * 1_024);
        for at in [0, 20 << 20, (32 << 20) + 63_999] {
            let mut wrong = play.ours.node(0).to_vec();
            wrong[at] ^= 1;
            assert_eq!(play.convict(0, &wrong, false), 3, "{at}");
        }
    }

    #[test]
    fn an_honest_claim_is_agreed_with() {
        for seed in 0..40 {
            let play = Play::new(Job::random(seed));
            for node in 0..play.job.program.node_count() {
                let theirs = play.ours.node(node);
                let (end, answers) = play.settle(node as u16, &play.roots.clone(), theirs, 3);
                assert_eq!((end, answers), (Next::Agree, 0));
            }
        }
    }

    #[test]
    fn a_node_behind_the_first_that_differs_is_turned_away() {
        let job = (0..)
            .map(Job::random)
            .find(|job| {
                let nodes = &job.program.program().nodes;
                nodes
                    .iter()
                    .any(|node| node.operands.contains(&Operand::Node(0)))
            })
            .unwrap();
        let nodes = &job.program.program().nodes;
        let reader = nodes
            .iter()
            .position(|node| node.operands.contains(&Operand::Node(0)))
            .unwrap() as u16;
        let play = Play::new(job);
        let mut claim = play.roots.clone();
        claim[0] = [1; 32];
        claim[usize::from(reader)] = [2; 32];
        let step = |node| by_roots(&play.job.program, 1, node, &play.roots, &claim, 0);
        assert_eq!(
            step(reader),
            Err(DisputeError::DiffersBefore {
                node: reader,
                operand: 0
            })
        );
        let beyond = play.roots.len() as u16;
        assert_eq!(step(beyond), Err(DisputeError::NoSuchNode(beyond)));
        assert!(matches!(
            by_roots(&play.job.program, 1, 0, &play.roots, &claim[1..], 0),
            Err(DisputeError::ClaimLength { .. })
        ));
    }

    #[test]
    fn answers_that_open_nothing_are_refused() {
        let play = clamp(128 * 1_024);
        let mut wrong = play.ours.node(0).to_vec();
        wrong[70_000] ^= 1;
        let root = athanor_content_tree::root(&wrong);
        let weights = play.job.weights();
        let data = Data::new(&play.job.program, 1, &play.job.input, &weights, &play.ours).unwrap();
        let step = |answers: &[Vec<u8>]| {
            let tensor = play.ours.node(0);
            let threads = [answers.to_vec()];
            by_answers(&data, &play.job.program, 1, tensor, &root, 0, &threads, 0)
        };
        let whole = Subtree::whole(root, wrong.len() as u64);
        let first = whole.answer(&wrong).unwrap();
        let mut other = first.clone();
        other[40] ^= 1;
        for bad in [vec![], vec![0; 32], other, [&first[..], &[0; 32]].concat()] {
            let error = step(&[bad]).unwrap_err();
            assert!(
                matches!(error, DisputeError::BadAnswer { index: 0, .. }),
                "{error}"
            );
        }
        let Ok(Next::Descend(down)) = step(std::slice::from_ref(&first)) else {
            panic!("no step");
        };
        let below = whole.descend(&down).unwrap();
        let second = below.answer(&wrong[bytes_of(&below)]).unwrap();
        assert!(matches!(
            step(&[first.clone(), second.clone()]),
            Ok(Next::Prove(_))
        ));
        let error = step(&[first.clone(), first.clone()]).unwrap_err();
        assert!(
            matches!(error, DisputeError::BadAnswer { index: 1, .. }),
            "{error}"
        );
        let error = step(&[first, second.clone(), second]).unwrap_err();
        assert_eq!(error, DisputeError::AnswerTooMany(2));
    }

    /// Rows of five indices, 20 bytes each: some lie across two chunks.
    fn top_five() -> Play {
        let program = Program {
            version: 1,
            max_batch: 1,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([400, 8]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::TopK(TopK { k: 5 }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        };
        let mut job = Job::with_data(program, &mut Choices::seeded(3));
        job.batch = 1;
        Play::new(job)
    }

    #[test]
    fn a_row_that_goes_on_in_a_right_part_is_proven() {
        let play = top_five();
        assert_eq!(play.ours.node(0).len(), 8_000);
        // Row 51 takes bytes 1,020 to 1,040; 8,000 bytes are answered whole, so a
        // wider tensor is needed for parts: see below.
        let mut wrong = play.ours.node(0).to_vec();
        wrong[1_020] ^= 1;
        assert_eq!(play.convict(0, &wrong, false), 1);
    }

    fn many_top_fives() -> Play {
        let play = top_five();
        let mut program = play.job.program.program().clone();
        program.inputs[0].shape = Shape::from([4_000, 8]);
        Play::new(Job::with_data(program, &mut Choices::seeded(3)))
    }

    #[test]
    fn a_row_across_two_parts_is_proven_if_one_of_them_is_right() {
        let play = many_top_fives();
        assert_eq!(play.ours.node(0).len(), 80_000);
        for at in [1_020, 1_024, 1_036] {
            let mut wrong = play.ours.node(0).to_vec();
            wrong[at] ^= 1;
            assert_eq!(play.convict(0, &wrong, false), 2, "{at}");
        }
    }

    /// Rows of `k` indices, 4 bytes each.
    fn top(k: u8, rows: u32) -> Play {
        let program = Program {
            version: 1,
            max_batch: 1,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([rows, u32::from(k)]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::TopK(TopK { k }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        };
        let mut job = Job::with_data(program, &mut Choices::seeded(3));
        job.batch = 1;
        Play::new(job)
    }

    fn threads_of(play: &Play) -> u8 {
        threads(&play.job.program, 1, 0).unwrap()
    }

    #[test]
    fn a_row_wrong_in_both_of_two_parts_is_convicted() {
        let play = many_top_fives();
        assert_eq!(threads_of(&play), 2);
        let right = play.ours.node(0).to_vec();
        // The parts around a border, with what is wrong besides: nothing, the part
        // behind, all parts behind.
        for border in [1_024, 2_048, 4_096, 31_744, 41_984, 79_872] {
            for beyond in [0, 1_024, 80_000] {
                let mut wrong = right.clone();
                let row = (border - 1) / 20 * 20;
                assert!(row < border && border < row + 20, "{border}");
                wrong[row] ^= 1;
                wrong[row + 16..][..4].copy_from_slice(&[7; 4]);
                let behind = (border + 1_024).min(right.len());
                let until = (behind + beyond).min(right.len());
                for byte in &mut wrong[behind..until] {
                    *byte ^= 1;
                }
                for slow in 0..3 {
                    assert_eq!(play.convict_slowly(0, &wrong, true, slow), 2, "{border}");
                }
            }
        }
    }

    #[test]
    fn a_row_that_goes_on_in_a_right_part_is_convicted_whatever_follows() {
        let play = many_top_fives();
        let mut wrong = play.ours.node(0).to_vec();
        // Row 102 takes bytes 2,040 to 2,060; the part from 3,072 on is not as ours.
        wrong[2_044] ^= 1;
        wrong[3_500] ^= 1;
        assert_eq!(play.convict(0, &wrong, false), 2);
    }

    #[test]
    fn a_row_across_two_parts_of_any_level_is_convicted() {
        let play = top(63, 140_000);
        let right = play.ours.node(0).to_vec();
        assert_eq!((right.len(), threads_of(&play)), (35_280_000, 3));
        // Groups of 64 chunks: borders within a group and between two.
        for border in [1_024, 64 * 1_024, 641 * 1_024] {
            let mut wrong = right.clone();
            wrong[border - 1] ^= 1;
            wrong[border] ^= 1;
            for byte in wrong[border + 4_096..].iter_mut().step_by(9_999) {
                *byte ^= 1;
            }
            for slow in [0, 1, 3] {
                assert_eq!(play.convict_slowly(0, &wrong, true, slow), 3, "{border}");
            }
        }
    }

    #[test]
    fn only_rows_that_can_lie_in_two_parts_take_two_threads() {
        for (k, rows, threads) in [(1, 90_000, 1), (4, 20_000, 1), (64, 600, 1), (3, 3_000, 2)] {
            assert_eq!(threads_of(&top(k, rows)), threads, "{k}");
        }
        // It is answered whole.
        assert_eq!(threads_of(&top_five()), 1);
        assert_eq!(threads_of(&clamp(128 * 1_024)), 1);
    }
}
