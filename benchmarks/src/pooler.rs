//! What a pooler in front of `PostgreSQL` costs: the same calls directly and
//! through it, in turns.

use std::io::Write;
use std::time::{Duration, Instant};

use otp_auth::{
    OtpAuth, PostgresStore,
    auth::{CodeRequest, Verification},
};

use crate::Result;
use crate::cleanup::{Auth, Codes, USERS};

/// Sign-ins on each side.
const SIGN_INS: u32 = 1_000;

/// Signed-in requests after each.
const READS: u32 = 10;

/// One way to the database, and how long each call took on it.
struct Way {
    auth: OtpAuth<Auth>,
    codes: Codes,
    sign_ins: Vec<Duration>,
    reads: Vec<Duration>,
}

impl Way {
    fn new(store: PostgresStore) -> Result<Self> {
        let codes = Codes::default();
        let auth = OtpAuth::new(Auth { secret: crate::rounds::secret()?, codes: codes.clone() }, store)?;
        Ok(Self { auth, codes, sign_ins: Vec::new(), reads: Vec::new() })
    }

    /// Asks for a code, signs in with it, and uses the access token.
    async fn visit(&mut self, email: &str) -> Result<()> {
        let begun = Instant::now();
        let requested = self.auth.request_code(CodeRequest::new(email)).await?;
        let code = self.codes.lock().remove(email).ok_or("no code was sent")?;
        let challenge = Some(requested.challenge.expose());
        let verification = Verification::new(email, &code).challenge(challenge);
        let signed_in = self.auth.verify_code(verification).await?;
        self.sign_ins.push(begun.elapsed());
        for _ in 0..READS {
            let begun = Instant::now();
            self.auth.authenticate(signed_in.tokens.access_token.expose()).await?;
            self.reads.push(begun.elapsed());
        }
        Ok(())
    }
}

/// Measures on an empty database, that both URLs lead to.
pub(crate) fn run(direct: &str, pooled: &str) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let store = PostgresStore::connect(direct).await?;
        store.migrate().await?;
        sqlx::raw_sql(USERS).execute(store.pool()).await?;
        let [mut direct, mut pooled] = [Way::new(store)?, Way::new(PostgresStore::connect(pooled).await?)?];
        for number in 0..SIGN_INS {
            direct.visit(&format!("direct{number}@example.com")).await?;
            pooled.visit(&format!("pooled{number}@example.com")).await?;
        }
        row("sign-in of a new user, two calls", direct.sign_ins, pooled.sign_ins)?;
        row("signed-in request, one look-up", direct.reads, pooled.reads)
    })
}

fn row(work: &str, direct: Vec<Duration>, pooled: Vec<Duration>) -> Result<()> {
    let [direct, pooled] = [direct, pooled].map(median);
    let ratio = pooled.as_secs_f64() / direct.as_secs_f64();
    writeln!(std::io::stdout(), "| {work} | {} µs | {} µs | {ratio:.2} |", direct.as_micros(), pooled.as_micros())?;
    Ok(())
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}
