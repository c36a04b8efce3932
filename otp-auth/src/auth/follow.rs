//! Following what other processes revoke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::OtpAuth;
use super::error::AuthError;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event;
use crate::id::{SessionId, SubjectId, TokenId};
use crate::revoked::Revoked;
use crate::store::TokenRef;

/// How often to ask the store for news. Including the query itself, a sign-out in another process
/// is seen within two seconds.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// A mirror older than this is not trusted.
const STALE_AFTER: Duration = Duration::from_secs(10);

/// Expired entries are dropped every this many rounds.
const ROUNDS_PER_SWEEP: u32 = 60;

/// The mirror of the blacklist, and its age.
pub(super) struct Following {
    pub(super) revoked: Revoked,
    began: Instant,
    /// When the last answered query was sent, in milliseconds after `began`; zero before the first.
    asked: AtomicU64,
    /// The same by the tokens' clock, which keeps running while the machine sleeps, and can be
    /// corrected.
    asked_at: AtomicI64,
    /// Whether a task is following.
    running: Arc<AtomicBool>,
}

/// Clears `running` however the task ends: its runtime can shut down while others continue.
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
    /// Follows the blacklist in the background until the last clone of this value is dropped. Does
    /// nothing outside a runtime.
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
            // Whether to read everything again.
            let mut whole = false;
            let mut before = Timestamp::from_millis(i64::MIN);
            while let Some(inner) = weak.upgrade() {
                let asked = Instant::now();
                let now = inner.clock.now();
                // While the clock was ahead, live entries counted as expired.
                whole |= now < before;
                before = now;
                match inner.store().revocations(cursor.filter(|_| !whole), now).await {
                    Ok(news) => {
                        cursor = Some(news.cursor);
                        inner.following.revoked.insert(&news.entries, now);
                        inner.following.answered(asked, now);
                        // After a failure another server may answer, which numbers its changes
                        // differently.
                        (whole, failing) = (failing && !whole, false);
                    }
                    Err(error) => {
                        // Log it once, not every second.
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

    /// Whether any process has revoked a token. Checks the mirror, and queries the store only if
    /// the mirror is too old.
    pub(super) async fn is_revoked(&self, token: TokenRef) -> Result<bool, AuthError> {
        let now = self.now();
        // The following task may have ended with its runtime.
        self.follow();
        // Checked before the mirror, which can only get fresher.
        let is_fresh = self.inner.following.is_fresh(now);
        if self.inner.following.revoked.has(&token, now) {
            return Ok(true);
        }
        if is_fresh {
            return Ok(false);
        }
        Ok(self.inner.store().is_blacklisted(token, now).await?)
    }

    /// Whether a user is barred now.
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
