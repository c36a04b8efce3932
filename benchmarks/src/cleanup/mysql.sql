-- 250,000 rows a table that have expired long ago, their keys in no order.
CREATE TABLE numbers AS
WITH digits (d) AS (SELECT 0 UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4
    UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)
SELECT one.d + 10 * two.d + 100 * three.d + 1000 * four.d + 10000 * five.d + 100000 * six.d AS n
FROM digits one, digits two, digits three, digits four, digits five, digits six
WHERE 10000 * five.d + 100000 * six.d < 250000;
INSERT INTO otp_challenges (realm, `key`, identity, tries, created_at, expires_at)
SELECT 'users', UNHEX(SHA2(n, 256)), UNHEX(SHA2(n, 256)), 1, n, n FROM numbers;
INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends)
SELECT 'users', UNHEX(SHA2(n, 256)), 0, n, n, 1, n, 1 FROM numbers;
INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at)
SELECT 'users', UNHEX(LEFT(SHA2(n, 256), 32)), 'somebody', x'00', 0, n, n, n FROM numbers;
INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at, changed)
SELECT 'users', UNHEX(LEFT(SHA2(n, 256), 32)), 'token', n, n, n FROM numbers;
DROP TABLE numbers;
