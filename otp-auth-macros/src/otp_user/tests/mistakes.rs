//! Each mistake with the source text it points at and its message.

use super::{FEATURES, derive};
use crate::testing::{Mistakes, errors, source};

/// Asserts that each source, put into `frame` in place of `@`, has exactly the given errors.
fn assert_mistakes(frame: &str, mistakes: Mistakes) {
    for (text, expected) in mistakes {
        let tokens = derive(source(&frame.replace('@', text)), FEATURES);
        let found = errors(&tokens);
        let found: Vec<_> = found.iter().map(|(place, message)| (place.as_str(), message.as_str())).collect();
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn mistakes_in_the_attribute_of_the_struct() {
    assert_mistakes("@ struct User { #[otp(id)] id: i64, #[otp(email)] email: String }", STRUCT_ATTRIBUTE);
}

const STRUCT_ATTRIBUTE: Mistakes = &[
    (
        r#"#[otp_user(tablename = "users", stores("sqlite" mariadb, pg, memory, mssql))]"#,
        &[
            ("tablename", r#"`#[otp_user(...)]` has no key `tablename`: write `table = "users"`"#),
            (r#""sqlite""#, "a store is a word, without quotes: write `sqlite`"),
            ("mariadb", "expected `,` before this"),
            ("mariadb", "there is no store `mariadb`: write `mysql`, which is for MariaDB, too"),
            ("pg", "there is no store `pg`: write `postgres`"),
            ("memory", "there is no store `memory`: `MemoryStore` needs no word here, so remove it"),
            (
                "mssql",
                "there is no store `mssql`: otp-auth has `sqlite`, `postgres` and `mysql`; for another database implement its store traits",
            ),
        ],
    ),
    (
        r#"#[otp_user(table = "app.\"users\"", stores(sqlite))]"#,
        &[(r#""app.\"users\"""#, r#"otp-auth puts names in quotes itself: write `table = "app.users"`"#)],
    ),
    (
        r#"#[otp_user(tabel = "users", stores(sqlite))]"#,
        &[("tabel", "`#[otp_user(...)]` has no key `tabel`; did you mean `table`?")],
    ),
    ("#[otp_user(tab)]", &[("tab", "`#[otp_user(...)]` has no key `tab`; did you mean `table`?")]),
    (r#"#[otp_user(table = "users" stores(sqlite))]"#, &[("stores", "expected `,` before this")]),
    (
        r#"#[otp_user(table: "users", stores(sqlite))]"#,
        &[(":", r#"expected `=` in place of `:`: write `table = "users"`"#)],
    ),
    ("#[otp_user(table = , stores(sqlite))]", &[("table", r#"`table =` needs a value: write `table = "users"`"#)]),
    ("#[otp_user(table, stores(sqlite))]", &[("table", r#"`table` needs a value: write `table = "users"`"#)]),
    ("#[otp_user(table = users, stores(sqlite))]", &[("users", r#"`table` takes a string: write `table = "users"`"#)]),
    (
        r#"#[otp_user(table = "a.b.c", stores(sqlite))]"#,
        &[(
            r#""a.b.c""#,
            r#"a table has at most one `.` in its name: write `table = "users"` or `table = "schema.users"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "", stores(sqlite))]"#,
        &[(r#""""#, r#"this cannot be the name of a table: write `table = "users"` or `table = "schema.users"`"#)],
    ),
    (
        r#"#[otp_user(table = " users", stores(sqlite))]"#,
        &[(
            r#"" users""#,
            r#"this cannot be the name of a table: write `table = "users"` or `table = "schema.users"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "otp_sessions", stores(sqlite))]"#,
        &[(r#""otp_sessions""#, "`otp_sessions` belongs to otp-auth: name the table that holds your users")],
    ),
    ("#[otp_user(table = 5, stores(sqlite))]", &[("5", r#"`table` takes a string: write `table = "users"`"#)]),
    (
        r#"#[otp_user(table = "users")]"#,
        &[("table", "`table` needs to know the kind of database: add `stores(sqlite)`")],
    ),
    (
        "#[otp_user(stores(sqlite))]",
        &[("stores", r#"`stores` needs to know the table of the users: add `table = "users"`"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(postgress, mysqll))]"#,
        &[
            ("postgress", "there is no store `postgress`: did you mean `postgres`?"),
            ("mysqll", "there is no store `mysqll`: did you mean `mysql`?"),
        ],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqllite))]"#,
        &[("sqllite", "there is no store `sqllite`: did you mean `sqlite`?")],
    ),
    (
        r#"#[otp_user(table = "users", stores(redis))]"#,
        &[(
            "redis",
            "there is no store `redis`: otp-auth has `sqlite`, `postgres` and `mysql`; for another database implement its store traits",
        )],
    ),
    (r#"#[otp_user(table = "users", stores())]"#, &[("stores", "`stores` names no store: write `stores(sqlite)`")]),
    (
        r#"#[otp_user(table = "users", stores = "sqlite")]"#,
        &[("stores", "`stores` is not written in this form: write `stores(sqlite)`")],
    ),
    (
        r#"#[otp_user(table = "users", stores("sqlite"))]"#,
        &[(r#""sqlite""#, "a store is a word, without quotes: write `sqlite`")],
    ),
    (r#"#[otp_user(table = "users", stores)]"#, &[("stores", "`stores` needs a value: write `stores(sqlite)`")]),
    (
        r#"#[otp_user(table = "users", stores(sqlite, sqlite))]"#,
        &[("sqlite", "`sqlite` is given twice: remove this one or the first")],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite sqlite))]"#,
        &[("sqlite", "expected `,` before this"), ("sqlite", "`sqlite` is given twice: remove this one or the first")],
    ),
    (
        r#"#[otp_user(collection = "users")]"#,
        &[(
            "i64",
            "MongoDB only generates ids of the type `ObjectId`: write `#[otp(id, generate = …)]` to make the id of a new user",
        )],
    ),
    (
        r#"#[otp_user(collection = "")]"#,
        &[(r#""""#, r#"this cannot be the name of a collection: write `collection = "users"`"#)],
    ),
    ("#[otp_user(collection = users)]", &[("users", r#"`collection` takes a string: write `collection = "users"`"#)]),
    ("#[otp_user(collection)]", &[("collection", r#"`collection` needs a value: write `collection = "users"`"#)]),
    (
        r#"#[otp_user(collection = "otp_sign_ups")]"#,
        &[(r#""otp_sign_ups""#, "`otp_sign_ups` belongs to otp-auth: name the collection that holds your users")],
    ),
    (
        r#"#[otp_user(collection = "token_blacklist")]"#,
        &[(r#""token_blacklist""#, "`token_blacklist` belongs to otp-auth: name the collection that holds your users")],
    ),
    (
        r#"#[otp_user(collecton = "users")]"#,
        &[("collecton", "`#[otp_user(...)]` has no key `collecton`; did you mean `collection`?")],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite, mongodb))]"#,
        &[("mongodb", r#"there is no store `mongodb`: name the collection instead: `collection = "users"`"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), table = "b")]"#,
        &[("table", "`table` is given twice: remove this one or the first")],
    ),
    (
        r#"#[otp_user(claims = "MyClaims")]"#,
        &[(r#""MyClaims""#, "`claims` takes a type, without quotes: write `claims = MyClaims`")],
    ),
    ("#[otp_user(claims)]", &[("claims", "`claims` needs a value: write `claims = MyClaims`")]),
    ("#[otp_user(claims = 5)]", &[("5", "the value of `claims` is not a type: write `claims = MyClaims`")]),
    (
        r#"#[otp_user(crate = "otp")]"#,
        &[(r#""otp""#, "`crate` takes a path, without quotes: write `crate = path::to::otp_auth`")],
    ),
    (
        "#[otp_user(crate = otp::<u8>)]",
        &[("otp::<u8>", "`crate` takes the path of the otp-auth crate: write `crate = path::to::otp_auth`")],
    ),
    (
        "#[otp_user(id)]",
        &[("id", "`id` does not belong in `#[otp_user(...)]`: it goes on the field of the id: `#[otp(id)]`")],
    ),
    (
        "#[otp_user]",
        &[(
            "otp_user",
            r#"this attribute is empty: write `#[otp_user(...)]` with `table = "users"`, `stores(sqlite)`, `collection = "users"`, `filter = "deleted_at IS NULL"` or `claims = MyClaims`"#,
        )],
    ),
    (
        "#[otp_user()]",
        &[(
            "otp_user",
            r#"this attribute is empty: write `#[otp_user(...)]` with `table = "users"`, `stores(sqlite)`, `collection = "users"`, `filter = "deleted_at IS NULL"` or `claims = MyClaims`"#,
        )],
    ),
    (
        r#"#[otp_user = "users"]"#,
        &[(
            "otp_user",
            r#"this attribute takes its keys in parentheses: write `#[otp_user(...)]` with `table = "users"`, `stores(sqlite)`, `collection = "users"`, `filter = "deleted_at IS NULL"` or `claims = MyClaims`"#,
        )],
    ),
    (
        r#"#[otp_user("users")]"#,
        &[(
            r#""users""#,
            r#"`#[otp_user(...)]` expects a key here, such as `table = "users"`, `stores(sqlite)`, `collection = "users"`, `filter = "deleted_at IS NULL"` or `claims = MyClaims`"#,
        )],
    ),
    (r#"#[otp_user(, table = "users", stores(sqlite))]"#, &[(",", "there is nothing before this comma: remove it")]),
    (
        r#"#[otp_user(rename_all = "camelCase")]"#,
        &[(
            "rename_all",
            r#"`rename_all` does not belong in `#[otp_user(...)]`: write `#[otp(column = "name")]` on each field whose column is called otherwise"#,
        )],
    ),
    ("#[otp(id)]", &[("otp", "`#[otp(...)]` goes on a field; on the struct write `#[otp_user(...)]`")]),
    (
        r#"#[otp_user(stores(sqlite), collection = "a$b")]"#,
        &[
            (r#""a$b""#, r#"this cannot be the name of a collection: write `collection = "users"`"#),
            ("stores", r#"`stores` needs to know the table of the users: add `table = "users"`"#),
        ],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), user = User)]"#,
        &[("user", "`user` does not belong in `#[otp_user(...)]`: it is a key of `#[otp_config(...)]`")],
    ),
];

#[test]
fn a_field_of_the_verified_role_may_hold_a_time() {
    for ty in ["bool", "Flag", "Option<DateTime<Utc>>", "Option<NaiveDateTime>", "std::option::Option<my::Stamp>"] {
        let text =
            format!("struct User {{ #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(verified)] at: {ty} }}");
        assert_eq!(errors(&derive(source(&text), FEATURES)), [], "{ty}");
    }
}

#[test]
fn mistakes_in_a_filter() {
    assert_mistakes(
        "@ struct User { #[otp(id, generate = 1)] id: i64, #[otp(email, column = \"mail\")] email: String }",
        FILTERS,
    );
}

const FILTERS: Mistakes = &[
    (
        r#"#[otp_user(table = "users", stores(sqlite, postgres, mysql), filter = "deleted_at IS NULL AND name <> ')?;#--'")]"#,
        &[],
    ),
    (r#"#[otp_user(table = "users", stores(postgres), filter = "roles ? 'staff' AND data #> '{\\}' IS NULL")]"#, &[]),
    (r#"#[otp_user(collection = "users", filter(deleted = false, "left-at" = null, level = -1, type = "x"))]"#, &[]),
    (
        r#"#[otp_user(table = "users", stores(sqlite), collection = "users", filter = "NOT gone", filter(gone = false))]"#,
        &[],
    ),
    ("#[otp_user(filter)]", &[("filter", r#"`filter` needs a value: write `filter = "deleted_at IS NULL"`"#)]),
    (
        r#"#[otp_user(filter = "a IS NULL")]"#,
        &[("filter", r#"`filter` needs a table: add `table = "users"` and `stores(sqlite)`"#)],
    ),
    ("#[otp_user(filter(a = 1))]", &[("filter", r#"`filter(…)` needs a collection: add `collection = "users"`"#)]),
    (
        r#"#[otp_user(collection = "users", filter = "a IS NULL")]"#,
        &[("filter", "a collection is filtered by fields and their values: write `filter(deleted = false)`")],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter(a = 1))]"#,
        &[("filter", r#"a table is filtered by a condition in SQL: write `filter = "deleted_at IS NULL"`"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), collection = "users", filter = "a")]"#,
        &[("filter", "this filters the table and not the collection: add `filter(deleted = false)` for that")],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), collection = "users", filter(a = 1))]"#,
        &[("filter", r#"this filters the collection and not the table: add `filter = "deleted_at IS NULL"` for that"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a", filter = "b")]"#,
        &[("filter", "`filter` is given twice: remove this one or the first")],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = FILTER)]"#,
        &[("FILTER", r#"`filter` takes a string: write `filter = "deleted_at IS NULL"`"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = " ")]"#,
        &[(r#"" ""#, r#"your filter is empty: write a condition such as `filter = "deleted_at IS NULL"`"#)],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a) OR (b")]"#,
        &[(
            r#""a) OR (b""#,
            r#"your filter closes a parenthesis that it does not open: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "(a")]"#,
        &[(
            r#""(a""#,
            r#"your filter does not close a parenthesis: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a = 'b")]"#,
        &[(
            r#""a = 'b""#,
            r#"your filter does not close a quote: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a; b")]"#,
        &[(
            r#""a; b""#,
            r#"your filter has a `;`, but it must be one condition: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a -- all")]"#,
        &[(
            r#""a -- all""#,
            r#"your filter has a comment, which would hide the rest of the statement: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(postgres), filter = "a = $1")]"#,
        &[(
            r#""a = $1""#,
            r#"your filter has a parameter, which never gets a value: write a condition such as `filter = "deleted_at IS NULL"`"#,
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(postgres, sqlite), filter = "a = ?")]"#,
        &[("filter", "your filter has a `?`, which never gets a value: write the value itself")],
    ),
    (r#"#[otp_user(table = "users", stores(postgres), filter = "a::text = 'b' AND @ n = 1 AND tags @> '{c}'")]"#, &[]),
    (r#"#[otp_user(table = "users", stores(sqlite, mysql), filter = "a$b = 1 AND c = ':d @e $f'")]"#, &[]),
    (r#"#[otp_user(table = "users", stores(mysql), filter = "@@autocommit")]"#, &[]),
    (
        r#"#[otp_user(table = "users", stores(sqlite, mysql), filter = "a = :b")]"#,
        &[(
            "filter",
            "your filter has a named parameter, such as `:name`, which never gets a value: write the value itself",
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(postgres, sqlite), filter = "a = @b")]"#,
        &[(
            "filter",
            "your filter has a named parameter, such as `:name`, which never gets a value: write the value itself",
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite), filter = "a=$b")]"#,
        &[(
            "filter",
            "your filter has a named parameter, such as `:name`, which never gets a value: write the value itself",
        )],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql), filter = "a = @b")]"#,
        &[("filter", "your filter has a variable, such as `@name`, which is never set: write the value itself")],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql), filter = "tenant = 7 AND kind = 'a' || deleted = 0")]"#,
        &[("filter", "MySQL reads `||`, `&&` and `XOR` differently: write `AND` and `OR`")],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql), filter = "a && b")]"#,
        &[("filter", "MySQL reads `||`, `&&` and `XOR` differently: write `AND` and `OR`")],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql), filter = "a Xor b")]"#,
        &[("filter", "MySQL reads `||`, `&&` and `XOR` differently: write `AND` and `OR`")],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql), filter = "a # all")]"#,
        &[("filter", "MySQL reads a `#` or a backslash differently: write the filter without it")],
    ),
    (
        r#"#[otp_user(collection = "users", filter())]"#,
        &[("filter", "your filter is empty: write `filter(deleted = false)`")],
    ),
    (
        r#"#[otp_user(collection = "users", filter(deleted))]"#,
        &[("deleted", "a filter of documents is fields with their values: write `filter(deleted = false)`")],
    ),
    (
        r#"#[otp_user(collection = "users", filter(a = 1, deleted = ))]"#,
        &[("deleted", "a filter of documents is fields with their values: write `filter(deleted = false)`")],
    ),
    (
        r#"#[otp_user(collection = "users", filter(5 = 1))]"#,
        &[("5", "a filter of documents is fields with their values: write `filter(deleted = false)`")],
    ),
    (
        r#"#[otp_user(collection = "users", filter(deleted = gone()))]"#,
        &[(
            "gone()",
            "a document is compared with a value that is known now: write `true` or `false`, an integer, a string, or `null` for a field that is missing or null",
        )],
    ),
    (
        r#"#[otp_user(collection = "users", filter("a.b" = 1, "$or" = 2, c = 3, c = 4))]"#,
        &[
            (r#""a.b""#, "`a.b` cannot be a field of a document: a name has no `.` and does not begin with `$`"),
            (r#""$or""#, "`$or` cannot be a field of a document: a name has no `.` and does not begin with `$`"),
            ("c", "`c` is given twice: remove this one or the first"),
        ],
    ),
    (
        r#"#[otp_user(collection = "users", filter(mail = "ann@x.com", _id = 1))]"#,
        &[
            ("mail", "`mail` is not the same for all users: filter by another field"),
            ("_id", "`_id` is not the same for all users: filter by another field"),
        ],
    ),
];

#[test]
fn mistakes_in_the_attributes_of_fields() {
    assert_mistakes("struct User { #[otp(id)] id: i64, #[otp(email)] email: String, @ }", FIELD_ATTRIBUTES);
}

const FIELD_ATTRIBUTES: Mistakes = &[
    (
        r#"#[otp(collection = "users")] extra: u8"#,
        &[(
            "collection",
            r#"`collection` does not belong in `#[otp(...)]`: it goes on the struct: `#[otp_user(collection = "users")]`"#,
        )],
    ),
    (
        "#[otp(ident)] extra: u8",
        &[(
            "ident",
            "`#[otp(...)]` has no key `ident`; the nearest are `id`, `json` and `email`, and all are at https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html",
        )],
    ),
    ("#[otp(idd)] extra: u8", &[("idd", "`#[otp(...)]` has no key `idd`; did you mean `id`?")]),
    (r#"#[otp(colum = "x")] extra: u8"#, &[("colum", "`#[otp(...)]` has no key `colum`; did you mean `column`?")]),
    (
        r#"#[otp(column = "")] extra: u8"#,
        &[(r#""""#, r#"this cannot be the name of a column: write `column = "name"`"#)],
    ),
    ("#[otp(column)] extra: u8", &[("column", r#"`column` needs a value: write `column = "name"`"#)]),
    ("#[otp(column = name)] extra: u8", &[("name", r#"`column` takes a string: write `column = "name"`"#)]),
    (
        r#"#[otp(column = "email")] extra: u8"#,
        &[("column", r#"the column `email` is already the field `email`: write another `column = "name"`"#)],
    ),
    (
        r#"#[otp(claim = "")] extra: u8"#,
        &[(r#""""#, r#"a claim needs a name: write `claim = "name"`, or `claim` alone for the name of the field"#)],
    ),
    ("#[otp(claim = exp)] extra: u8", &[("exp", r#"`claim` takes a string: write `claim = "name"`"#)]),
    (
        r#"#[otp(claim = "exp")] extra: u8"#,
        &[(
            r#""exp""#,
            r#"the claim `exp` has a fixed meaning in every access token: give yours another name, such as `claim = "user_exp"`"#,
        )],
    ),
    (
        "#[otp(claim)] sub: u8",
        &[(
            "claim",
            r#"the claim `sub` has a fixed meaning in every access token: give yours another name, such as `claim = "user_sub"`"#,
        )],
    ),
    (
        r#"#[otp(claim)] a: u8, #[otp(claim = "a")] b: u8"#,
        &[(r#""a""#, r#"there is already a claim `a`: write another `claim = "name"`"#)],
    ),
    ("#[otp(id)] second: u8", &[("id", "only one field can be the `id`, and `id` already is: remove one of the two")]),
    (
        "#[otp(email)] second: u8",
        &[("email", "only one field can be the `email`, and `email` already is: remove one of the two")],
    ),
    (
        "#[otp(verified)] a: bool, #[otp(verified)] b: bool",
        &[("verified", "only one field can be the `verified`, and `a` already is: remove one of the two")],
    ),
    (
        "#[otp(verified)] a: Option<bool>",
        &[(
            "Option<bool>",
            "the `verified` field cannot be an `Option<bool>`: write `bool`, and `NULL` in the table is not verified",
        )],
    ),
    (
        "#[otp(verified)] a: u8",
        &[(
            "u8",
            "the `verified` field must be a `bool` or an `Option` of a time: it is set when an address is proven",
        )],
    ),
    (
        "#[otp(verified)] a: Option<String>",
        &[(
            "Option<String>",
            "the `verified` field must be a `bool` or an `Option` of a time: it is set when an address is proven",
        )],
    ),
    (
        "#[otp(verified)] a: Option<Option<DateTime<Utc>>>",
        &[(
            "Option<Option<DateTime<Utc>>>",
            "the `verified` field must be a `bool` or an `Option` of a time: it is set when an address is proven",
        )],
    ),
    (
        "#[otp(verified)] a: chrono::DateTime<Utc>",
        &[(
            "chrono::DateTime<Utc>",
            "a `verified` field that holds a time must be optional, because an address may not be proven yet: write `Option<chrono::DateTime<Utc>>`",
        )],
    ),
    (
        r#"#[otp(filter = "a")] extra: u8"#,
        &[(
            "filter",
            r#"`filter` does not belong in `#[otp(...)]`: it goes on the struct: `#[otp_user(filter = "deleted_at IS NULL")]`"#,
        )],
    ),
    ("#[otp(id = true)] extra: u8", &[("id", "`id` takes no value: write `id` alone")]),
    (
        r#"#[otp(skip, column = "x")] extra: u8"#,
        &[(
            "skip",
            "a field cannot be both `column` and `skip`: a field with `skip` has no column; remove one of the two",
        )],
    ),
    (
        "#[otp(skip, json)] extra: u8",
        &[(
            "skip",
            "a field cannot be both `json` and `skip`: a field with `skip` has no column; remove one of the two",
        )],
    ),
    (
        "#[otp(skip, default)] extra: u8",
        &[(
            "skip",
            "a field cannot be both `default` and `skip`: a field with `skip` has no column; remove one of the two",
        )],
    ),
    (
        "#[otp(skip, verified)] extra: bool",
        &[(
            "skip",
            "a field cannot be both `verified` and `skip`: a field with `skip` has no column; remove one of the two",
        )],
    ),
    ("#[otp(skip(true))] extra: u8", &[("skip", "`skip` takes no value: write `skip` alone")]),
    (
        "#[otp(generate = 5)] extra: u8",
        &[("generate", "`generate` makes ids, and this field is not the `id`: write `default = …`")],
    ),
    (
        "#[otp(verified, default = false)] extra: bool",
        &[("default", "a field cannot be both `verified` and `default`: sign-up sets it itself; remove `default`")],
    ),
    (
        "#[otp(verified, json)] extra: bool",
        &[(
            "json",
            "a field cannot be both `verified` and `json`: otp-auth must be able to look for it; remove `json`",
        )],
    ),
    (
        r#"#[otp(table = "users")] extra: u8"#,
        &[(
            "table",
            r#"`table` does not belong in `#[otp(...)]`: it goes on the struct: `#[otp_user(table = "users")]`"#,
        )],
    ),
    (
        "#[otp(sender)] extra: u8",
        &[(
            "sender",
            "`sender` does not belong in `#[otp(...)]`: it goes on a field of the struct with `#[otp_config(...)]`",
        )],
    ),
    (
        r#"#[otp(rename = "x")] extra: u8"#,
        &[(
            "rename",
            r#"`rename` does not belong in `#[otp(...)]`: write `column = "name"` for the database or `claim = "name"` for the token"#,
        )],
    ),
    (
        "#[otp(password)] extra: u8",
        &[(
            "password",
            "`#[otp(...)]` has no key `password`; the nearest are `json`, `id` and `verified`, and all are at https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html",
        )],
    ),
    (
        "#[otp(unique)] extra: u8",
        &[(
            "unique",
            "`unique` does not belong in `#[otp(...)]`: the table decides that: add it there, and remove it here",
        )],
    ),
    (
        "#[otp] extra: u8",
        &[(
            "otp",
            r#"this attribute is empty: write `#[otp(...)]` with `id`, `generate = Uuid::now_v7()`, `email`, `verified` or `claim = "name"`"#,
        )],
    ),
    (
        "#[otp()] extra: u8",
        &[(
            "otp",
            r#"this attribute is empty: write `#[otp(...)]` with `id`, `generate = Uuid::now_v7()`, `email`, `verified` or `claim = "name"`"#,
        )],
    ),
    (
        r#"#[otp = "x"] extra: u8"#,
        &[(
            "otp",
            r#"this attribute takes its keys in parentheses: write `#[otp(...)]` with `id`, `generate = Uuid::now_v7()`, `email`, `verified` or `claim = "name"`"#,
        )],
    ),
    (
        r#"#[otp_user(column = "x")] extra: u8"#,
        &[("otp_user", "`#[otp_user(...)]` goes on the struct; on a field write `#[otp(...)]`")],
    ),
    ("#[otp(default = )] extra: u8", &[("default", "`default =` needs a value: write `default = …`")]),
    (
        "#[otp(default = 5 +)] extra: u8",
        &[("5", "the value of `default` is not a complete expression: write `default = …`")],
    ),
    (
        "#[otp(default, default = 5)] extra: u8",
        &[("default", "`default` is given twice: remove this one or the first")],
    ),
    ("#[otp(json, json)] extra: u8", &[("json", "`json` is given twice: remove this one or the first")]),
    (
        r#"#[otp_user(table = "users", collection = "x")] extra: u8"#,
        &[("otp_user", "`#[otp_user(...)]` goes on the struct; on a field write `#[otp(...)]`")],
    ),
    (
        "#[otp(email, json)] second: String",
        &[
            ("json", "a field cannot be both `email` and `json`: otp-auth must be able to look for it; remove `json`"),
            ("email", "only one field can be the `email`, and `email` already is: remove one of the two"),
        ],
    ),
    (r#"#[otp(claim("x"))] extra: u8"#, &[("claim", r#"`claim` is not written in this form: write `claim = "name"`"#)]),
    (r#"#[otp(column: "x")] extra: u8"#, &[(":", r#"expected `=` in place of `:`: write `column = "name"`"#)]),
];

#[test]
fn what_other_crates_say_and_types_that_a_database_lacks() {
    assert_mistakes("@", FOREIGN);
}

const FOREIGN: Mistakes = &[
    (
        r#"#[otp_user(table = "users", stores(sqlite))] #[sqlx(rename_all = "camelCase")] struct User { #[otp(id)] id: i64, #[otp(email)] #[sqlx(rename = "mail")] email: String, #[sqlx(json)] tags: Tags, #[sqlx(skip)] cache: u8, is_on: bool }"#,
        &[
            (
                "rename_all",
                r#"otp-auth does not read `#[sqlx(rename_all)]`: write `#[otp(column = "…")]` on `is_on` and the others"#,
            ),
            ("rename", r#"otp-auth does not read `#[sqlx(rename)]`: write `#[otp(column = "mail")]`"#),
            ("json", "otp-auth does not read `#[sqlx(json)]`: write `#[otp(json)]`"),
            ("skip", "otp-auth does not read `#[sqlx(skip)]`: write `#[otp(skip)]`"),
        ],
    ),
    (
        r#"#[otp_user(table = "users", stores(sqlite))] #[sqlx(rename_all = "camelCase")] struct User { #[otp(id)] id: i64, #[otp(email, column = "mail")] #[sqlx(rename = "mail")] email: String, #[otp(json)] #[sqlx(json)] tags: Vec<u8>, #[otp(skip)] #[sqlx(skip)] cache: usize }"#,
        &[],
    ),
    (
        r#"#[otp_user(collection = "users")] struct User { #[otp(id)] #[serde(rename = "_id")] id: ObjectId, #[otp(email)] #[serde(rename = "mail")] email: String }"#,
        &[(
            "rename",
            r#"otp-auth does not read `#[serde(rename)]`: write `#[otp(column = "mail")]` if the database calls it that, or `#[otp(column = "email")]` if not"#,
        )],
    ),
    (
        r#"#[otp_user(collection = "users")] struct User { #[otp(id)] #[serde(skip_deserializing)] id: ObjectId, #[otp(email, column = "email")] #[serde(rename = "emailAddress")] email: String, #[serde(skip)] note: String }"#,
        &[],
    ),
    (
        r#"#[otp_user(table = "users", stores(postgres))] struct User { #[otp(id)] id: u64, #[otp(email)] email: &'static str, tags: Vec<String>, age: Option<u8>, letter: char, map: HashMap<String, String> }"#,
        &[
            ("u64", "PostgreSQL cannot store `u64`: write `i64`"),
            ("&'static str", "a user must own its data: write `String`"),
            ("Option<u8>", "PostgreSQL cannot store `u8`: write `i16`"),
            ("char", "PostgreSQL cannot store `char`: write `String`"),
            (
                "HashMap<String, String>",
                "PostgreSQL cannot store `HashMap<String,String>` in a column: add `#[otp(json)]`",
            ),
        ],
    ),
    (
        r#"#[otp_user(table = "users", stores(mysql, sqlite))] struct User { #[otp(id)] id: u64, #[otp(email, column = "users.mail")] email: String, tags: Vec<String>, bytes: Vec<u8>, count: u64 }"#,
        &[
            ("u64", "SQLite cannot store `u64`: write `i64`"),
            ("Vec<String>", "MySQL cannot store `Vec<String>` in a column: add `#[otp(json)]`"),
            ("column", r#"a column is named without its table: write `column = "mail"`"#),
        ],
    ),
    (
        "struct User { #[otp(id)] id: Vec<u8>, #[otp(email)] email: String }",
        &[(
            "Vec<u8>",
            "`Vec<u8>` cannot be the id of a user: write an integer, a `Uuid`, a `String` or a type of your own around one",
        )],
    ),
    (
        "struct User<T> { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(skip)] more: Option<T> }",
        &[("T", "`T` needs a bound, because threads share a user: write `T: Send + Sync + 'static`")],
    ),
    (
        r#"struct User { #[otp(id column = "x")] id: i64, #[otp(email = "mail")] email: String, #[otp(primary_key)] other: i64, #[otp(nullable)] text: String, #[otp(claim, skip)] cache: u8 }"#,
        &[
            ("column", "expected `,` before this"),
            ("email", r#"`email` takes no value: write `email, column = "mail"`"#),
            ("primary_key", "`#[otp(...)]` has no key `primary_key`: write `id`"),
            (
                "nullable",
                "`nullable` does not belong in `#[otp(...)]`: the type says that: write `Option<…>`, and remove this word",
            ),
            (
                "skip",
                "a field cannot be both `claim` and `skip`: a field with `skip` has no column; remove one of the two",
            ),
        ],
    ),
    (
        "struct User { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(colour)] colour: u8 }",
        &[(
            "colour",
            "`#[otp(...)]` has no key `colour`; the nearest are `column`, `claim` and `json`, and all are at https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html",
        )],
    ),
];

#[test]
fn mistakes_in_the_struct() {
    assert_mistakes("@", STRUCTS);
}

const STRUCTS: Mistakes = &[
    (
        r#"#[otp_user(collection = "users")] struct User { #[otp(id)] id: Uuid, #[otp(email, column = "a.b")] email: String, #[otp(column = "$c")] c: u8, _id: u8 }"#,
        &[
            ("column", "`a.b` cannot be a field of a document: a name has no `.` and does not begin with `$`"),
            ("column", "`$c` cannot be a field of a document: a name has no `.` and does not begin with `$`"),
            ("_id", "`_id` is the field of the id: put `#[otp(id)]` on it, or name another field"),
            (
                "Uuid",
                "MongoDB only generates ids of the type `ObjectId`: write `#[otp(id, generate = …)]` to make the id of a new user",
            ),
        ],
    ),
    (
        "struct User { #[otp(email)] email: String }",
        &[("User", "`User` has no `id`: put `#[otp(id)]` on the field of the primary key")],
    ),
    (
        "struct User { id: i64, #[otp(email)] email: String }",
        &[("User", "`User` has no `id`: put `#[otp(id)]` on the field `id`")],
    ),
    (
        "struct User { #[otp(id)] id: i64, email: String }",
        &[("User", "`User` has no `email`: put `#[otp(email)]` on the field `email`")],
    ),
    (
        "struct User { #[otp(id)] id: i64 }",
        &[("User", "`User` has no `email`: put `#[otp(email)]` on the field of the address that codes are sent to")],
    ),
    (
        "struct User { #[otp(identifier)] key: i64, #[otp(email)] email: String }",
        &[(
            "identifier",
            "`#[otp(...)]` has no key `identifier`; the nearest are `verified`, `generate` and `id`, and all are at https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html",
        )],
    ),
    (
        "struct User { #[otp(idd)] id: i64, #[otp(email)] email: String }",
        &[("idd", "`#[otp(...)]` has no key `idd`; did you mean `id`?")],
    ),
    (
        "struct User { #[otp(id)] id: Option<i64>, #[otp(email)] email: String }",
        &[(
            "Option<i64>",
            "the `id` cannot be optional: every user in the table has one; write the type without `Option`",
        )],
    ),
    (
        "struct User { #[otp(id)] id: i64, #[otp(email)] email: Option<String> }",
        &[("Option<String>", "the `email` cannot be optional: codes are sent to it; write `String`")],
    ),
    (
        "struct User { #[otp(id, email)] email: String }",
        &[(
            "email",
            "a field cannot be both `id` and `email`: an address can change, and the id of a user must not; make the id a field of its own",
        )],
    ),
    (
        "struct User { #[otp(id, default)] id: i64, #[otp(email)] email: String }",
        &[(
            "default",
            "a field cannot be both `id` and `default`: an id needs a new value for every user; write `generate = …` instead of `default`",
        )],
    ),
    (
        "struct User { #[otp(id)] id: i64, #[otp(email, default)] email: String }",
        &[("default", "a field cannot be both `email` and `default`: sign-up sets it itself; remove `default`")],
    ),
    (
        "struct User { #[otp(id)] id: i64, #[otp(email, verified)] email: String }",
        &[("verified", "a field cannot be both `email` and `verified`: they are two fields")],
    ),
    (
        "struct User(i64, String);",
        &[(
            "User",
            "`OtpUser` is derived for a struct with named fields, and this struct has unnamed fields: write `struct User { #[otp(id)] id: i64, #[otp(email)] email: String }`",
        )],
    ),
    (
        "struct User;",
        &[(
            "User",
            "`OtpUser` is derived for a struct with named fields, and this struct has no fields: write `struct User { #[otp(id)] id: i64, #[otp(email)] email: String }`",
        )],
    ),
    (
        "enum User { A }",
        &[(
            "User",
            "`OtpUser` is derived for a struct with named fields, and this is an enum: write `struct User { #[otp(id)] id: i64, #[otp(email)] email: String }`",
        )],
    ),
    (
        "union User { a: u8 }",
        &[(
            "User",
            "`OtpUser` is derived for a struct with named fields, and this is a union: write `struct User { #[otp(id)] id: i64, #[otp(email)] email: String }`",
        )],
    ),
    (
        "struct User<'a> { #[otp(id)] id: i64, #[otp(email)] email: &'a str }",
        &[("'a", "a user must own its data, so it cannot have `'a`: write for example `String` instead of `&str`")],
    ),
    (
        "struct User<T: Claim> { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(claim)] extra: Vec<T> }",
        &[(
            "claim",
            "a generated claims struct cannot mention the parameter `T`: write a claims type of your own and name it with `#[otp_user(claims = MyClaims)]`",
        )],
    ),
    (
        "#[otp_user(claims = Own)] struct User { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(claim)] extra: u8 }",
        &[("claim", "the struct names its claims with `claims = …`: remove this `claim`, or remove `claims`")],
    ),
    (
        r#"#[otp_user(tabel = "users", stores(oracle))] struct User { #[otp(id)] id: i64, #[otp(email)] email: Option<String>, #[otp(claim)] exp: u8, #[otp(jsn)] a: u8 }"#,
        &[
            ("tabel", "`#[otp_user(...)]` has no key `tabel`; did you mean `table`?"),
            (
                "oracle",
                "there is no store `oracle`: otp-auth has `sqlite`, `postgres` and `mysql`; for another database implement its store traits",
            ),
            ("jsn", "`#[otp(...)]` has no key `jsn`; did you mean `json`?"),
            ("Option<String>", "the `email` cannot be optional: codes are sent to it; write `String`"),
            (
                "claim",
                r#"the claim `exp` has a fixed meaning in every access token: give yours another name, such as `claim = "user_exp"`"#,
            ),
        ],
    ),
    (
        "#[otp(id)] struct User { key: i64, #[otp(email)] email: String }",
        &[("otp", "`#[otp(...)]` goes on a field; on the struct write `#[otp_user(...)]`")],
    ),
    (
        "#[otp_user(id)] struct User { key: i64, #[otp(email)] email: String }",
        &[("id", "`id` does not belong in `#[otp_user(...)]`: it goes on the field of the id: `#[otp(id)]`")],
    ),
    (
        "struct User { #[otp(id, json)] id: i64, #[otp(email)] email: String }",
        &[("json", "a field cannot be both `id` and `json`: otp-auth must be able to look for it; remove `json`")],
    ),
];
