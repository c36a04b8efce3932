//! Following what other processes end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::error::AuthError;
use super::{Inner, OtpAuth};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event;
use crate::id::{SessionId, SubjectId, TokenId};
use crate::revoked::Revoked;
use crate::store::TokenRef;

/// How often a store is asked what is new: with the time that it takes, a
/// sign-out in another process is seen within two seconds.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// A mirror that is older than this is not believed.
const STALE_AFTER: Duration = Duration::from_secs(10);

/// Expired entries are dropped once in so many rounds.
const ROUNDS_PER_SWEEP: u32 = 60;

/// The mirror of the blacklist, and how old it is.
pub(super) struct Following {
    pub(super) revoked: Revoked,
    began: Instant,
    /// Milliseconds after `began` at which the last answer was asked for; zero
    /// before the first.
    asked: AtomicU64,
    /// The same by the clock of the tokens, which goes on while the machine
    /// sleeps, and is put right.
    asked_at: AtomicI64,
    /// Whether a task is following.
    running: Arc<AtomicBool>,
}

/// Says that nobody follows any more, however the task ends: a runtime can be
/// shut down while others go on.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Following {
    pub(super) fn new() -> Self {
        Self {
            revoked: Revoked::default(),
            began: Instant::now(),
            asked: AtomicU64::new(0),
            asked_at: AtomicI64::new(0),
            running: Arc::default(),
        }
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let asked = self.asked.load(Ordering::Acquire);
        let asked_at = Timestamp::from_millis(self.asked_at.load(Ordering::Acquire));
        let apart = asked_at.until(now).max(now.until(asked_at));
        asked > 0 && self.began.elapsed() < Duration::from_millis(asked) + STALE_AFTER && apart < STALE_AFTER
    }

    fn answered(&self, asked: Instant, now: Timestamp) {
        let millis = u64::try_from(asked.duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        self.asked_at.store(now.as_millis(), Ordering::Release);
        self.asked.store(millis.max(1), Ordering::Release);
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Follows the blacklist in the background, until the last clone of this
    /// value is dropped. Outside of a runtime it does nothing.
    pub(super) fn follow(&self) {
        let following = &self.inner.following;
        if following.running.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if following.running.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(Arc::clone(&following.running));
        let weak = Arc::downgrade(&self.inner);
        runtime.spawn(async move {
            let _running = running;
            let (mut cursor, mut failing, mut rounds) = (None, false, 0_u32);
            // Whether to read everything once more.
            let mut whole = false;
            let mut before = Timestamp::from_millis(i64::MIN);
            while let Some(inner) = weak.upgrade() {
                let asked = Instant::now();
                let now = inner.clock.now();
                // While the clock was ahead entries counted as expired that
                // are not.
                whole |= now < before;
                before = now;
                match inner.store.revocations(cursor.filter(|_| !whole), now).await {
                    Ok(news) => {
                        cursor = Some(news.cursor);
                        inner.following.revoked.insert(&news.entries, now);
                        inner.following.answered(asked, now);
                        // Behind a failure may be another server, whose changes
                        // have other numbers.
                        (whole, failing) = (failing && !whole, false);
                    }
                    Err(error) => {
                        // Once, and not every second.
                        if !failing {
                            event::store_failed(&error);
                        }
                        (whole, failing) = (false, true);
                    }
                }
                rounds = rounds.wrapping_add(1);
                if rounds.is_multiple_of(ROUNDS_PER_SWEEP) {
                    inner.following.revoked.forget_expired(now);
                }
                drop(inner);
                tokio::time::sleep(FOLLOW_INTERVAL).await;
            }
        });
    }

    /// Whether a token was revoked, by any process. Asks the mirror, and the
    /// store only when the mirror is too old.
    pub(super) async fn is_revoked(&self, token: TokenRef) -> Result<bool, AuthError> {
        let now = self.now();
        // Another task may have to follow: a runtime can end before others.
        self.follow();
        // Before the mirror is asked: by then it is no older.
        let is_fresh = self.inner.following.is_fresh(now);
        if self.inner.following.revoked.has(&token, now) {
            return Ok(true);
        }
        if is_fresh {
            return Ok(false);
        }
        Ok(self.inner.store.is_blacklisted(token, now).await?)
    }

    /// Whether a user is barred at this moment.
    pub(super) async fn is_barred(&self, user_id: &str) -> Result<bool, AuthError> {
        let token = TokenRef {
            session: SessionId::from_bytes([0; 16]),
            token: TokenId::from_bytes([0; 16]),
            subject: SubjectId::of(user_id),
            authenticated_at: self.now(),
        };
        self.is_revoked(token).await
    }
}

impl<C: OtpConfig> Inner<C> {
    /// What this process ends is known here at once.
    pub(super) fn note_ended(&self, ids: &[SessionId], revocation: crate::store::Revocation) {
        use crate::store::{BlacklistEntry, BlacklistKind};
        let entry = |id: &SessionId| {
            BlacklistEntry::new(*id.as_bytes(), BlacklistKind::Session, revocation.now, revocation.blacklist_until)
        };
        let entries: Vec<_> = ids.iter().map(entry).collect();
        self.following.revoked.insert(&entries, revocation.now);
    }
}
