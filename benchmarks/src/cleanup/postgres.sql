-- 250,000 rows a table that have expired long ago, their keys in no order.
INSERT INTO otp_challenges (realm, key, identity, tries, created_at, expires_at)
SELECT 'users', sha256(n::text::bytea), sha256(n::text::bytea), 1, n, n FROM generate_series(1, 250000) n;
INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends)
SELECT 'users', sha256(n::text::bytea), 0, n, n, 1, n, 1 FROM generate_series(1, 250000) n;
INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at)
SELECT 'users', substring(sha256(n::text::bytea), 1, 16), 'somebody', '\x00', 0, n, n, n FROM generate_series(1, 250000) n;
INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at, changed)
SELECT 'users', substring(sha256(n::text::bytea), 1, 16), 'token', n, n, n FROM generate_series(1, 250000) n;
