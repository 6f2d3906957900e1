//! What this machine can do with nothing around it.

use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rusqlite::Connection;

/// About as long as what is signed of an access token.
const MESSAGE: [u8; 500] = [b'm'; 500];

/// How often in a second `cores` threads do this, each with what `prepare` gave it.
fn per_second<W: FnMut()>(cores: usize, length: Duration, prepare: impl Fn() -> W + Sync) -> f64 {
    let start = Barrier::new(cores);
    let measure = || {
        let mut work = prepare();
        work();
        start.wait();
        let (started, mut done) = (Instant::now(), 0.0);
        while started.elapsed() < length {
            work();
            done += 1.0;
        }
        done / started.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(measure)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// RS256 signatures per second.
pub(crate) fn rsa_2048(cores: usize, length: Duration) -> f64 {
    let made = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = made.as_der().unwrap();
    per_second(cores, length, || {
        let key = RsaKeyPair::from_pkcs8(der.as_ref()).unwrap();
        let (random, mut signature) = (SystemRandom::new(), vec![0; key.public_modulus_len()]);
        move || key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature).unwrap()
    })
}

/// ES256 signatures per second.
pub(crate) fn p_256(cores: usize, length: Duration) -> f64 {
    per_second(cores, length, || {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let random = SystemRandom::new();
        move || {
            black_box(key.sign(&random, &MESSAGE).unwrap());
        }
    })
}

/// A password hash at the OWASP parameters, with memory that is used again.
pub(crate) fn argon2id() -> impl FnMut(&[u8]) -> [u8; 32] {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let mut memory = vec![Block::default(); params.block_count()];
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    move |password| {
        let mut output = [0; 32];
        hasher
            .hash_password_into_with_memory(password, &[7; 16], &mut output, &mut memory)
            .unwrap();
        output
    }
}

/// Password hashes per second.
pub(crate) fn argon2id_hashes(cores: usize, length: Duration) -> f64 {
    per_second(cores, length, || {
        let mut hash = argon2id();
        move || {
            black_box(hash(b"correct horse battery staple"));
        }
    })
}

/// What a rotation must change: one row of a family among its neighbours.
const TABLE: &str = "CREATE TABLE family (id TEXT PRIMARY KEY, scope TEXT NOT NULL, \
    salt BLOB NOT NULL, generation INTEGER NOT NULL, attempt INTEGER NOT NULL, \
    spent_attempt INTEGER NOT NULL, handed_out_at INTEGER NOT NULL, idle_ends_at INTEGER NOT NULL)";
const INSERT: &str =
    "INSERT INTO family VALUES (?1, 'openid profile', zeroblob(16), 0, 0, 0, 0, 0)";
const ROTATE: &str = "UPDATE family SET generation = generation + 1, spent_attempt = attempt, \
    attempt = 0, handed_out_at = ?3, idle_ends_at = ?3 WHERE id = ?1 AND generation = ?2";

/// Rotations of refresh tokens per second, durable, `group` of them in each commit. The file is in
/// `folder`: another file system may sync in no time.
pub(crate) fn durable_rotations(folder: &Path, group: usize, length: Duration) -> f64 {
    const FAMILIES: u32 = 1000;
    let folder = tempfile::tempdir_in(folder).unwrap();
    let database = Connection::open(folder.path().join("limit.db")).unwrap();
    let mode: String =
        database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    database.execute_batch("PRAGMA synchronous = FULL").unwrap();
    database.execute_batch(TABLE).unwrap();
    let mut insert = database.prepare(INSERT).unwrap();
    let mut rotate = database.prepare(ROTATE).unwrap();
    let mut begin = database.prepare("BEGIN IMMEDIATE").unwrap();
    let mut commit = database.prepare("COMMIT").unwrap();

    let families: Vec<String> =
        (0..FAMILIES).map(|id| format!("{:036x}", mix(id.into()))).collect();
    begin.execute([]).unwrap();
    for family in &families {
        insert.execute([family]).unwrap();
    }
    commit.execute([]).unwrap();
    let now = 1_700_000_000_000_i64;
    let mut turns =
        (0_u32..).flat_map(|generation| families.iter().map(move |family| (generation, family)));
    let mut commit_some = |group| {
        begin.execute([]).unwrap();
        for (generation, family) in turns.by_ref().take(group) {
            assert_eq!(rotate.execute((family, generation, now)).unwrap(), 1);
        }
        commit.execute([]).unwrap();
    };
    // A write-ahead log that grows is slower to sync than one that is written over, as that of a
    // server that has run for a while.
    for _ in 0..200 {
        commit_some(16);
    }
    let (started, mut done) = (Instant::now(), 0.0);
    while started.elapsed() < length {
        commit_some(group);
        done += group as f64;
    }
    done / started.elapsed().as_secs_f64()
}

/// How often in a second this disk makes a page durable.
pub(crate) fn disk_commits(folder: &Path, length: Duration) -> f64 {
    const PAGES: u64 = 1024;
    let mut file = tempfile::tempfile_in(folder).unwrap();
    let page = [0xA5; 4096];
    for _ in 0..PAGES {
        file.write_all(&page).unwrap();
    }
    file.sync_all().unwrap();
    let (started, mut done) = (Instant::now(), 0_u64);
    while started.elapsed() < length {
        file.seek(SeekFrom::Start(done % PAGES * 4096)).unwrap();
        file.write_all(&page).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    done as f64 / started.elapsed().as_secs_f64()
}

/// splitmix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
