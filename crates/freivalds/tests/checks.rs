//! Right products pass, wrong ones do not.

use athanor_freivalds::{row, Check, Error, Key, Right, ZeroPoint};
use proptest::prelude::*;

fn product(right: &Right<'_>, a: &[i8]) -> Vec<i32> {
    let rows = a.chunks_exact(right.k());
    rows.flat_map(|a| row(right, a).unwrap()).collect()
}

#[derive(Clone, Debug)]
struct Case {
    a: Vec<i8>,
    b: Vec<i8>,
    k: usize,
    za: i8,
    zb: Vec<i8>,
    per_column: bool,
    bias: Option<Vec<i32>>,
}

impl Case {
    fn right(&self) -> Right<'_> {
        let zb = match self.per_column {
            true => ZeroPoint::PerColumn(&self.zb),
            false => ZeroPoint::All(self.zb[0]),
        };
        Right::new(&self.b, self.k, self.za, zb, self.bias.as_deref()).unwrap()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    (1..20usize, 1..20usize, 1..70usize).prop_flat_map(|(m, n, k)| {
        let bytes = |len| prop::collection::vec(any::<i8>(), len);
        let bias = prop::option::of(prop::collection::vec(-(1 << 30)..1 << 30, n));
        (
            bytes(m * k),
            bytes(n * k),
            any::<i8>(),
            bytes(n),
            any::<bool>(),
            bias,
        )
            .prop_map(move |(a, b, za, zb, per_column, bias)| Case {
                a,
                b,
                k,
                za,
                zb,
                per_column,
                bias,
            })
    })
}

proptest! {
    #[test]
    fn a_right_product_passes_under_every_key(case in cases(), key in any::<[u8; 32]>()) {
        let right = case.right();
        let check = Check::new(&Key::new(key), b"", &right);
        let c = product(&right, &case.a);
        prop_assert_eq!(check.first_wrong_row(&case.a, &c), Ok(None));
    }

    #[test]
    fn a_wrong_element_is_found_in_its_row(
        case in cases(),
        at in any::<prop::sample::Index>(),
        wrong in any::<i32>(),
        key in any::<[u8; 32]>(),
    ) {
        let right = case.right();
        let check = Check::new(&Key::new(key), b"", &right);
        let mut c = product(&right, &case.a);
        let at = at.index(c.len());
        let same = c[at] == wrong;
        c[at] = wrong;
        let found: Vec<usize> = check.wrong_rows(&case.a, &c).unwrap().collect();
        let expected = if same { vec![] } else { vec![at / right.n()] };
        prop_assert_eq!(&found, &expected);
        if let Some(found) = found.first() {
            let a = &case.a[found * case.k..][..case.k];
            let truth = row(&right, a).unwrap();
            let claimed = &c[found * right.n()..][..right.n()];
            prop_assert_eq!(truth.iter().zip(claimed).position(|(t, c)| t != c), Some(at % right.n()));
        }
    }

    #[test]
    fn wrong_elements_that_cancel_in_a_plain_sum_do_not(
        case in cases(),
        by in 1..1_000i32,
    ) {
        let right = case.right();
        let check = Check::new(&Key::new([1; 32]), b"", &right);
        let mut c = product(&right, &case.a);
        if right.n() < 2 {
            return Ok(());
        }
        c[0] = c[0].wrapping_add(by);
        c[1] = c[1].wrapping_sub(by);
        prop_assert_eq!(check.first_wrong_row(&case.a, &c), Ok(Some(0)));
    }
}

#[test]
fn vectors_depend_on_key_and_context() {
    let right = Right::new(&[1; 8], 2, 0, ZeroPoint::All(0), None).unwrap();
    let shown = |key, context: &[u8]| format!("{:?}", Check::new(&Key::new(key), context, &right));
    let base = shown([1; 32], b"a");
    assert_eq!(base, shown([1; 32], b"a"));
    assert_ne!(base, shown([2; 32], b"a"));
    assert_ne!(base, shown([1; 32], b"b"));
}

#[test]
fn a_key_does_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", Key::new([9; 32])), "Key(..)");
}

#[test]
fn what_could_saturate_is_not_checked() {
    let right =
        |bias: i32| Right::new(&[127, -128], 2, -128, ZeroPoint::All(0), Some(&[bias])).map(|_| ());
    // |a − za| ≤ 256 counted, 255 terms of b.
    let room = i32::MAX - 256 * 255;
    assert_eq!(right(room), Ok(()));
    assert_eq!(right(room + 1), Err(Error::Saturates { column: 0 }));
    assert_eq!(right(i32::MIN), Err(Error::Saturates { column: 0 }));
    let long = vec![127; 1 << 17];
    let error = Right::new(&long, 1 << 17, 0, ZeroPoint::All(-128), None);
    assert_eq!(error.err(), Some(Error::Saturates { column: 0 }));
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let new = |b: &[i8], k, zb, bias| Right::new(b, k, 0, zb, bias).map(|_| ());
    let all = ZeroPoint::All(0);
    assert_eq!(new(&[], 1, all, None), Err(Error::Length(0)));
    assert_eq!(new(&[1], 0, all, None), Err(Error::Length(0)));
    assert_eq!(
        new(&[1], (1 << 24) + 1, all, None),
        Err(Error::Length((1 << 24) + 1))
    );
    assert!(matches!(
        new(&[1; 7], 2, all, None),
        Err(Error::Shape { .. })
    ));
    let zb = ZeroPoint::PerColumn(&[0]);
    assert!(matches!(
        new(&[1; 8], 2, zb, None),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        new(&[1; 8], 2, all, Some(&[1])),
        Err(Error::Shape { .. })
    ));
    let right = Right::new(&[1; 8], 2, 0, all, None).unwrap();
    let check = Check::new(&Key::new([0; 32]), b"", &right);
    assert!(check.first_wrong_row(&[0; 3], &[0; 4]).is_err());
    assert!(check.first_wrong_row(&[0; 4], &[0; 7]).is_err());
    assert_eq!(check.first_wrong_row(&[], &[]), Ok(None));
    assert!(row(&right, &[0; 3]).is_err());
}
