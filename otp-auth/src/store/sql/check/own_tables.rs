//! The library's own tables as the newest migration leaves them, for the startup check.

use crate::check::{Finding, FindingKind};
use crate::store::sql::VERSIONS;

/// The newest migration that this version knows.
const NEWEST_MIGRATION: i64 = VERSIONS[VERSIONS.len() - 1].0;

/// One of our tables.
pub(crate) struct OwnTable {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// The indexes besides the primary key, which every table has.
    pub(crate) indexes: &'static [&'static str],
}

pub(crate) const CHALLENGES: OwnTable = OwnTable {
    name: "otp_challenges",
    columns: &["realm", "key", "identity", "nonce", "code_mac", "tries", "created_at", "expires_at", "consumed_at"],
    indexes: &["otp_challenges_expires_at"],
};

pub(crate) const BUDGETS: OwnTable = OwnTable {
    name: "otp_budgets",
    columns: &[
        "realm",
        "identity",
        "requester",
        "next_send_at",
        "hour_started_at",
        "hour_sends",
        "day_started_at",
        "day_sends",
        "failures",
        "last_send",
    ],
    indexes: &["otp_budgets_day_started_at"],
};

pub(crate) const SESSIONS: OwnTable = OwnTable {
    name: "otp_sessions",
    columns: &[
        "realm",
        "id",
        "user_id",
        "binding",
        "generation",
        "created_at",
        "refreshed_at",
        "recovered_generation",
        "recovered_at",
        "expires_at",
        "revoked_at",
        "user_agent",
        "address",
        "amr",
    ],
    indexes: &["otp_sessions_user_id", "otp_sessions_expires_at"],
};

pub(crate) const BLACKLIST: OwnTable = OwnTable {
    name: "token_blacklist",
    columns: &["realm", "id", "type", "blacklisted_at", "expires_at", "changed"],
    indexes: &["token_blacklist_changed", "token_blacklist_expires_at"],
};

/// The name of the primary key among the indexes.
pub(crate) const PRIMARY_KEY: &str = "primary key";

/// What exists of one of our tables.
#[derive(Default)]
pub(crate) struct Present {
    pub(crate) columns: Vec<String>,
    pub(crate) indexes: Vec<String>,
}

impl Present {
    /// What `table` needs but does not have, as text for messages.
    pub(crate) fn lacks(&self, table: &OwnTable) -> Vec<String> {
        if self.columns.is_empty() {
            return vec![format!("table `{}`", table.name)];
        }
        let has = |names: &[String], name: &str| names.iter().any(|has| has == name);
        let columns = table.columns.iter().filter(|name| !has(&self.columns, name));
        let indexes = table.indexes.iter().filter(|name| !has(&self.indexes, name));
        let mut lacks: Vec<_> = columns.map(|name| format!("column `{}.{name}`", table.name)).collect();
        if !has(&self.indexes, PRIMARY_KEY) {
            lacks.push(format!("primary key of `{}`", table.name));
        }
        lacks.extend(indexes.map(|name| format!("index `{name}`")));
        lacks
    }
}

/// What is wrong with our tables. `lacks` lists what is missing from all of them; `recorded` is the
/// last applied migration, if it is recorded.
pub(crate) fn findings(lacks: &[String], recorded: Option<i64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(newer) = recorded.filter(|version| *version > NEWEST_MIGRATION) {
        findings.push(Finding::new(
            FindingKind::Migration,
            format!("a newer version of otp-auth has applied migration {newer}, but this version knows only those up to {NEWEST_MIGRATION}"),
            "run the newer version",
        ));
    }
    if !lacks.is_empty() {
        let remedy = if recorded >= Some(NEWEST_MIGRATION) {
            "`migrate()` does not create it a second time; create it as in the `migrations` folder of otp-auth"
        } else {
            "call the store's `migrate()` at startup, before `check()`"
        };
        findings.push(Finding::new(
            FindingKind::Migration,
            format!("otp-auth's own tables are incomplete: no {}", lacks.join(", no ")),
            remedy,
        ));
    }
    findings
}
