use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.into())
}

fn range(start: &str, count: u64) -> TnEntry {
    TnEntry::Range { start: start.into(), count }
}

fn one(digits: &str) -> TnEntry {
    TnEntry::One(digits.into())
}

fn scope(entries: &[TnEntry]) -> Scope {
    Scope::from_entries(entries).unwrap()
}

/// Bytes of real certificates, and of pyasn1-alt-modules' TNAuthorizationList with one entry of each kind.
#[test]
fn lists_of_other_implementations() {
    for (hex, entries) in [
        ("3008a00616043730364a", vec![spc("706J")]),
        ("3009a00716054c55503031", vec![spc("LUP01")]),
        ("3010a006160436363238a006160436363238", vec![spc("6628"), spc("6628")]),
        ("3004a0021600", vec![spc("")]),
        ("3008a206160431323334", vec![one("1234")]),
        (
            "302ba0071605626f677573a1123010160a3537313535353132313202020314a20c160a37303335353531323132",
            vec![spc("bogus"), range("5715551212", 788), one("7035551212")],
        ),
    ] {
        assert!(decode(&bytes(hex)).unwrap() == entries, "{hex}");
        assert_eq!(encode(&entries).unwrap(), bytes(hex));
    }
}

#[test]
fn unreadable_lists() {
    for hex in [
        "",
        "3000",
        "300613043735354a",
        "3008a006163535384a",
        "3008a00616043730364a00",
        "308108a00616043730364a",
        "3080a00616043730364a0000",
        "3109a00616043730364a",
        "3009a00716043730364a00",
        "300880061604373036 4a",
        "3008a30616043730364a",
        "3008a00616048030364a",
        "3008a0061304373036 4a",
        "3007a00616043730364a",
        "300f a10d300b1604313730330202000a0500",
        "300da10b30091604313730330202000a",
        "3080",
        "30",
    ] {
        assert_eq!(decode(&bytes(&hex.replace(' ', ""))), Err(Unreadable), "{hex}");
    }
}

#[test]
fn every_cut_and_changed_byte_is_read_or_refused_without_panic() {
    let list = encode(&[spc("706J"), range("17035550000", 1000), one("17035550123")]).unwrap();
    let mut read = 0;
    for cut in 0..list.len() {
        assert_eq!(decode(&list[..cut]), Err(Unreadable));
        for value in 0..=255 {
            let mut changed = list.clone();
            changed[cut] = value;
            read += usize::from(decode(&changed).is_ok_and(|entries| Scope::from_entries(&entries).is_ok()));
        }
    }
    assert_eq!(read, 0, "the kinds are mixed whatever else changes");
}

#[test]
fn counts_of_any_size() {
    let list = |count: &str| {
        let n = count.len() / 2;
        bytes(&format!("30{:02x}a1{:02x}30{:02x}160431373033{count}", 10 + n, 8 + n, 6 + n))
    };
    for (der, count) in [
        ("02010a", 10),
        ("0201f6", 0),
        ("020103", 3),
        ("0209010000000000000000", u64::MAX),
        ("020900ffffffffffffffff", u64::MAX),
        ("0202 00ff", 255),
    ] {
        assert!(decode(&list(&der.replace(' ', ""))).unwrap() == [range("1703", count)], "{der}");
    }
    assert_eq!(decode(&list("02020001")), Err(Unreadable), "not minimal");
    assert_eq!(decode(&list("0200")), Err(Unreadable));
}

#[test]
fn one_kind_only() {
    let (s, r, n) = (spc("706J"), range("17035550000", 1000), one("17035550123"));
    for mix in
        [vec![s.clone(), r.clone()], vec![s.clone(), n.clone()], vec![r.clone(), n.clone()], vec![s, r, n]]
    {
        assert_eq!(Scope::from_entries(&mix), Err(ScopeError::MixedKinds));
    }
    assert_eq!(Scope::from_entries(&[]), Err(ScopeError::MixedKinds));
}

#[test]
fn refused_entries() {
    for (entry, error) in [
        (spc("70-6"), ScopeError::Spc(ServiceProviderCodeError)),
        (one("+17035550123"), ScopeError::Number(NumberError::NotADigit)),
        (one("1703555012#"), ScopeError::Number(NumberError::NotADigit)),
        (range("07035550000", 1000), ScopeError::Number(NumberError::LeadingZero)),
        (range("17035550000", 9), ScopeError::Range(RangeError::UnderTen)),
        (range("99999999990", 11), ScopeError::Range(RangeError::LengthsDiffer)),
    ] {
        assert_eq!(Scope::from_entries(&[entry]), Err(error));
    }
}

#[test]
fn at_most_512_of_each() {
    let numbers = |n: u64| (0..n).map(|i| one(&(17_030_000_000 + i).to_string())).collect::<Vec<_>>();
    let codes = |n: u64| (0..n).map(|i| spc(&i.to_string())).collect::<Vec<_>>();
    assert!(matches!(scope(&numbers(512)), Scope::Numbers(numbers) if numbers.len() == 512));
    assert_eq!(Scope::from_entries(&numbers(513)), Err(ScopeError::TooMany));
    assert_eq!(Scope::from_entries(&codes(513)), Err(ScopeError::TooMany));
    let twice = [numbers(512), numbers(512)].concat();
    assert!(Scope::from_entries(&twice).is_ok(), "a repeated number counts once");
}

#[test]
fn sorted_and_without_repetition() {
    assert_eq!(scope(&[one("2703"), one("1703"), one("2703")]), scope(&[one("1703"), one("2703")]));
    assert_eq!(scope(&[spc("b1"), spc("A1"), spc("B1")]), scope(&[spc("A1"), spc("b1")]));
    let overlapping = scope(&[range("1703555", 10), range("1703560", 10)]);
    assert_eq!(overlapping, scope(&[range("1703555", 15)]));
}

#[test]
fn coverage_of_numbers() {
    let number = Number::new("17035550123").unwrap();
    assert!(scope(&[one("17035550123")]).covers(&number));
    assert!(scope(&[range("17035550000", 1000)]).covers(&number));
    assert!(!scope(&[range("17035551000", 1000)]).covers(&number));
    assert!(!scope(&[one("17035550124")]).covers(&number));
    assert!(!scope(&[spc("706J")]).covers(&number), "a service provider code covers no number");
}

/// Fails when an arm of `encompasses` answers `true` for what it does not look at.
#[test]
fn encompassing() {
    let spcs = scope(&[spc("706j"), spc("A1")]);
    let blocks = scope(&[range("17035550000", 1500)]);
    let numbers = scope(&[one("17035550123"), one("17035559999")]);
    for (parent, child, expected) in [
        (&spcs, scope(&[spc("706J")]), true),
        (&spcs, scope(&[spc("706J"), spc("B1")]), false),
        (&spcs, blocks.clone(), true),
        (&spcs, numbers.clone(), true),
        (&blocks, scope(&[one("17035550123"), one("17035551499")]), true),
        (&blocks, scope(&[one("17035551500")]), false),
        (&blocks, scope(&[one("1703555012")]), false),
        (&blocks, numbers.clone(), false),
        (&blocks, blocks.clone(), true),
        (&blocks, scope(&[range("17035550995", 10)]), true),
        (&blocks, scope(&[range("17035551495", 10)]), false),
        (&blocks, scope(&[range("1703555000", 10)]), false),
        (&blocks, scope(&[spc("706J")]), false),
        (&numbers, scope(&[one("17035559999")]), true),
        (&numbers, scope(&[one("17035550124")]), false),
        (&numbers, scope(&[range("17035550123", 10)]), false),
        (&numbers, scope(&[spc("706J")]), false),
    ] {
        assert_eq!(parent.encompasses(&child), expected, "{parent:?} {child:?}");
    }
}

#[test]
fn calling_codes_of_what_is_named() {
    assert_eq!(
        scope(&[one("442079460000"), one("17035550123"), one("17035550124")]).calling_codes(),
        [Some(1), Some(44)]
    );
    assert_eq!(scope(&[one("99912345")]).calling_codes(), [None]);
    assert_eq!(
        scope(&[range("3530000", 10_000), range("3540000", 10)]).calling_codes(),
        [Some(353), Some(354)]
    );
    assert_eq!(scope(&[range("35000000", 10_000_000)]).calling_codes()[0], None, "too short to have a code");
    assert!(scope(&[spc("706J")]).calling_codes().is_empty());
}

#[test]
fn debug_shows_no_number() {
    let shown =
        format!("{:?} {:?}", [range("17035550123", 10), one("17035550123")], scope(&[one("17035550123")]));
    assert!(!shown.contains("7035"), "{shown}");
}
