//! The targets of `fuzz`, on the stable compiler: with the kept corpus, and with changed copies of
//! it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a crate of its own, too")]
mod targets;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(folder).expect("a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// One change: where, how, and with which byte.
type Edit = (Index, u8, u8);

fn changed(mut data: Vec<u8>, other: &[u8], edits: &[Edit]) -> Vec<u8> {
    const TELLING: &[u8] = b"\0\n\r\"%&+,-./:;=?@[\\]#{} ";
    for (place, how, byte) in edits {
        let at = place.index(data.len() + 1);
        let telling = TELLING[usize::from(*byte) % TELLING.len()];
        match how % 6 {
            0 => data.insert(at, *byte),
            1 => data.insert(at, telling),
            2 => data.truncate(at),
            3 if at < data.len() => data[at] = telling,
            4 if at < data.len() => drop(data.remove(at)),
            _ => {
                let from = place.index(other.len() + 1);
                data.splice(at..at, other[from..].iter().copied());
            }
        }
    }
    data
}

#[test]
fn s168_no_parser_fails_at_what_the_corpus_says_or_at_anything_like_it() {
    for (name, target) in targets::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name}");
        for data in &corpus {
            target(data);
        }
        let edits = prop::collection::vec(any::<Edit>(), 1..8);
        let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
        let ran = TestRunner::new(config).run(
            &(any::<Index>(), any::<Index>(), edits),
            |(one, other, edits)| {
                let data = one.get::<Vec<u8>>(&corpus).clone();
                let data = changed(data, other.get::<Vec<u8>>(&corpus), &edits);
                target(&data);
                Ok(())
            },
        );
        ran.unwrap_or_else(|failed| panic!("{name}: {failed}"));
    }
}

/// Each target has a binary for `cargo fuzz`.
#[test]
fn every_target_is_one_of_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let mut listed: Vec<_> =
        targets::TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    let files = fs::read_dir(folder.join("fuzz_targets")).expect("targets");
    let mut found: Vec<_> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("text")).collect();
    listed.sort();
    found.sort();
    assert_eq!(listed, found);
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
