-- 250,000 rows a table that have expired long ago, their keys in no order.
INSERT INTO otp_challenges (realm, key, identity, tries, created_at, expires_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 250000)
SELECT 'users', randomblob(32), randomblob(32), 1, n, n FROM numbers;
INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 250000)
SELECT 'users', randomblob(32), 0, n, n, 1, n, 1 FROM numbers;
INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 250000)
SELECT 'users', randomblob(16), 'somebody', x'00', 0, n, n, n FROM numbers;
INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 250000)
SELECT 'users', randomblob(16), 'token', n, n FROM numbers;
