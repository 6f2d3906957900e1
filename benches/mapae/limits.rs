//! What this machine can do with nothing around it.

use std::hint::black_box;
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

const TABLE: &str = "CREATE TABLE refresh_token (hash BLOB PRIMARY KEY, family_id TEXT NOT NULL, \
    generation INTEGER NOT NULL, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, \
    spent_at INTEGER) WITHOUT ROWID";
const SPEND: &str = "UPDATE refresh_token SET spent_at = ?2 WHERE hash = ?1 AND spent_at IS NULL";
const INSERT: &str = "INSERT INTO refresh_token (hash, family_id, generation, issued_at, expires_at) \
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// Rotations of refresh tokens per second, durable, `group` of them in each commit. The file is in
/// `folder`: another file system may sync in no time.
pub(crate) fn durable_rotations(folder: &Path, group: usize, length: Duration) -> f64 {
    const FAMILIES: u32 = 32;
    let folder = tempfile::tempdir_in(folder).unwrap();
    let database = Connection::open(folder.path().join("limit.db")).unwrap();
    let mode: String =
        database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    database.execute_batch("PRAGMA synchronous = FULL").unwrap();
    database.execute_batch(TABLE).unwrap();
    let mut spend = database.prepare(SPEND).unwrap();
    let mut insert = database.prepare(INSERT).unwrap();
    let mut begin = database.prepare("BEGIN IMMEDIATE").unwrap();
    let mut commit = database.prepare("COMMIT").unwrap();

    let families: Vec<String> =
        (0..FAMILIES).map(|id| format!("{:036x}", mix(id.into()))).collect();
    for (number, family) in (0..).zip(&families) {
        insert.execute((hash(number, 0), family, 0, 0, 0)).unwrap();
    }
    let now = 1_700_000_000_000_i64;
    let mut turns = (1_u32..).flat_map(|generation| {
        (0..FAMILIES).zip(&families).map(move |(number, family)| (generation, number, family))
    });
    let mut rotate = |group| {
        begin.execute([]).unwrap();
        for (generation, number, family) in turns.by_ref().take(group) {
            let changed = spend.execute((hash(number, generation - 1), now)).unwrap();
            assert_eq!(changed, 1);
            let token = (hash(number, generation), family, generation, now, now);
            insert.execute(token).unwrap();
        }
        commit.execute([]).unwrap();
    };
    // A write-ahead log that grows is slower to sync than one that is written over, as that of a
    // server that has run for a while.
    for _ in 0..100 {
        rotate(16);
    }
    let (started, mut done) = (Instant::now(), 0.0);
    while started.elapsed() < length {
        rotate(group);
        done += group as f64;
    }
    done / started.elapsed().as_secs_f64()
}

/// Spread over the key space like the hash of a token, and cheaper than one.
fn hash(family: u32, generation: u32) -> [u8; 32] {
    let (family, generation) = (u64::from(family), u64::from(generation));
    let mut hash = [0; 32];
    for (part, chunk) in (0..).zip(hash.chunks_mut(8)) {
        chunk.copy_from_slice(&mix(family << 40 | generation << 2 | part).to_be_bytes());
    }
    hash
}

/// splitmix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
