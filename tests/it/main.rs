//! Black-box proofs, named after the clause they prove. Each runs on SQLite, and on Postgres where
//! `MAPAE_TEST_POSTGRES` names a server.

mod support;
mod token;
