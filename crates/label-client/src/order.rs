//! The order in which a worker sees the parts of a task. The chain always speaks the
//! canonical order; what is shown is swapped, so that liking the first answer is not a
//! label.

use crate::{page::Task, schema::Schema, text::clean};
use athanor_label_math::Answer;
use athanor_primitives::labels;
use sp_crypto_hashing::blake2_256;

/// How one task is shown to one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    swapped: bool,
    /// Item shown at each place of a ranking.
    places: Vec<u8>,
}

impl Shown {
    /// The order for task `t` of a page. A and B are swapped when [`labels::is_swapped`]; a ranking's items are shuffled by
    /// `blake2_256("athanor/items/v1" ‖ batch ‖ page ‖ worker ‖ t)`.
    pub fn of(schema: &Schema, batch: u64, page: u32, worker: &[u8; 32], t: u8) -> Self {
        let swapped = *schema == Schema::Preference && labels::is_swapped(batch, page, worker, t);
        let mut places = Vec::new();
        if let Schema::Ranking { items } = schema {
            let mut seed = b"athanor/items/v1".to_vec();
            seed.extend_from_slice(&batch.to_le_bytes());
            seed.extend_from_slice(&page.to_le_bytes());
            seed.extend_from_slice(worker);
            seed.push(t);
            places = (0..*items).collect();
            let random = blake2_256(&seed);
            for (last, random) in (1..places.len()).rev().zip(random.chunks(2)) {
                let random = random
                    .iter()
                    .fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
                places.swap(last, random % (last + 1));
            }
        }
        Self { swapped, places }
    }

    /// Whether A and B change places.
    pub fn is_swapped(&self) -> bool {
        self.swapped
    }

    /// The task as it is shown: parts in this order, all texts cleaned.
    pub fn task(&self, task: &Task) -> Task {
        let one = |text: &Option<String>| text.as_deref().map(clean);
        let all = |texts: &Option<Vec<String>>| {
            texts
                .as_ref()
                .map(|texts| texts.iter().map(|text| clean(text)).collect::<Vec<_>>())
        };
        let (a, b) = match self.swapped {
            true => (&task.b, &task.a),
            false => (&task.a, &task.b),
        };
        let items = all(&task.items).map(|items| {
            let places = self.places.iter();
            let shown: Option<Vec<String>> = places
                .map(|item| items.get(usize::from(*item)).cloned())
                .collect();
            shown
                .filter(|shown| shown.len() == items.len())
                .unwrap_or(items)
        });
        Task {
            id: crate::text::one_line(&task.id),
            prompt: clean(&task.prompt),
            text: one(&task.text),
            options: all(&task.options),
            a: one(a),
            b: one(b),
            items,
            tokens: all(&task.tokens),
        }
    }

    /// The canonical answer to what was answered in this order.
    pub fn canonical(&self, shown: &Answer) -> Answer {
        self.map(shown, |item| self.places.get(usize::from(item)).copied())
    }

    /// A canonical answer in this order.
    pub fn shown(&self, canonical: &Answer) -> Answer {
        self.map(canonical, |item| {
            let place = self.places.iter().position(|at| *at == item)?;
            u8::try_from(place).ok()
        })
    }

    fn map(&self, answer: &Answer, item: impl Fn(u8) -> Option<u8>) -> Answer {
        match answer {
            Answer::Code(code) if self.swapped && *code < 2 => Answer::Code(1 - code),
            Answer::Code(code) if !self.places.is_empty() => {
                let count = u8::try_from(self.places.len()).unwrap_or(u8::MAX);
                let order = Answer::fields(*code, 3, count);
                let mapped: Option<Vec<u8>> = order.into_iter().map(item).collect();
                mapped.map_or_else(|| answer.clone(), |order| Answer::ranking(&order))
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::tests::task;
    use std::collections::BTreeSet;

    #[test]
    fn every_answer_comes_back_canonical() {
        for schema in crate::schema::tests::all() {
            for (t, bits) in (0..32).zip([0u64, 1, 2, 3, 5, 77, 991, u64::MAX].into_iter().cycle())
            {
                let shown = Shown::of(&schema, 9, 4, &[t; 32], t);
                let answer = crate::schema::tests::answer(&schema, bits);
                assert_eq!(shown.canonical(&shown.shown(&answer)), answer);
                assert_eq!(shown.shown(&shown.canonical(&answer)), answer);
            }
        }
    }

    #[test]
    fn the_answer_follows_what_stood_on_the_screen() {
        let pair = Schema::Preference;
        let swapped = (0..32)
            .map(|t| Shown::of(&pair, 1, 2, &[3; 32], t))
            .find(Shown::is_swapped)
            .unwrap();
        let original = task(&pair, 1);
        let seen = swapped.task(&original);
        assert_eq!((&seen.a, &seen.b), (&original.b, &original.a));
        assert_eq!(swapped.canonical(&Answer::Code(0)), Answer::Code(1));
        assert_eq!(swapped.canonical(&Answer::Code(2)), Answer::Code(2));

        let ranking = Schema::Ranking { items: 4 };
        let shown = Shown::of(&ranking, 1, 2, &[3; 32], 0);
        let original = task(&ranking, 1);
        let seen = shown.task(&original).items.unwrap();
        let best_last = shown.canonical(&Answer::ranking(&[3, 0, 1, 2]));
        let best = usize::from(Answer::fields(code(&best_last), 3, 4)[0]);
        assert_eq!(original.items.unwrap()[best], seen[3]);
    }

    fn code(answer: &Answer) -> u32 {
        match answer {
            Answer::Code(code) => *code,
            Answer::Spans(_) => panic!("a code"),
        }
    }

    #[test]
    fn half_of_the_pairs_are_swapped_and_all_orders_occur() {
        let pair = Schema::Preference;
        let swapped = (0..100u8)
            .flat_map(|worker| (0..32).map(move |t| (worker, t)))
            .filter(|(worker, t)| Shown::of(&pair, 1, 1, &[*worker; 32], *t).is_swapped())
            .count();
        assert!((1_400..1_800).contains(&swapped), "{swapped} of 3200");
        let ranking = Schema::Ranking { items: 3 };
        let orders: BTreeSet<Vec<u8>> = (0..200u8)
            .map(|worker| Shown::of(&ranking, 1, 1, &[worker; 32], 0).places)
            .collect();
        assert_eq!(orders.len(), 6);
    }

    #[test]
    fn what_is_shown_is_clean() {
        let schema = Schema::Preference;
        let mut wild = task(&schema, 1);
        wild.prompt = "\u{1b}[2Jhello\u{202e}".into();
        wild.a = Some("\u{1b}]0;x\u{7}yes".into());
        let seen = Shown::of(&schema, 1, 1, &[0; 32], 0).task(&wild);
        assert_eq!(seen.prompt, "hello");
        assert!([seen.a, seen.b].contains(&Some("yes".into())));
    }
}
