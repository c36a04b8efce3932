//! The startup check on `PostgreSQL`. Queries the server about each column with a statement that
//! reads no rows, and takes the rest from the catalog, where `to_regclass` finds a table as a
//! statement would.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, Row as _};

use super::PostgresStore;
use super::user::{Column, Given, Table};
use crate::check::{Finding, FindingKind, SignUps};
use crate::store::sql::check::catalog::{Listed, table_faults, type_fault};
use crate::store::sql::check::findings::{self, Dialect};
use crate::store::sql::check::own_tables::{self, BLACKLIST, BUDGETS, CHALLENGES, Present, SESSIONS};
use crate::store::sql::check::unique::{KeyPart, UniqueIndex};
use crate::store::sql::user::SqlUser;

/// A table in the catalog.
struct Place {
    /// Has indexes, unlike a view.
    is_table: bool,
    takes_rows: bool,
    takes_changes: bool,
    /// The arguments and code of the triggers before an INSERT.
    triggers: String,
}

/// What this database user may do with a column.
struct Allowed {
    name: String,
    can_insert: bool,
    can_update: bool,
    /// The sequence of its default, if this user may not use it.
    denied_sequence: Option<String>,
}

impl PostgresStore {
    pub(super) async fn check_own_tables(&self) -> Result<Vec<Finding>, sqlx::Error> {
        let mut lacks = Vec::new();
        let mut denied = Vec::new();
        for table in [&CHALLENGES, &BUDGETS, &SESSIONS, &BLACKLIST] {
            let statement = sqlx::query(
                "SELECT ARRAY(SELECT attname::text FROM pg_attribute \
                     WHERE attrelid = found.id AND attnum > 0 AND NOT attisdropped) AS columns, \
                 ARRAY(SELECT CASE WHEN indisprimary THEN 'primary key' ELSE relname::text END \
                     FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
                     WHERE indrelid = found.id AND indisvalid) AS indexes, \
                 coalesce(has_table_privilege(found.id, 'SELECT') AND has_table_privilege(found.id, 'INSERT') \
                     AND has_table_privilege(found.id, 'UPDATE') AND has_table_privilege(found.id, 'DELETE'), TRUE) AS allowed \
                 FROM (SELECT to_regclass($1)::oid AS id) AS found",
            );
            let row = self.fetch_one(statement.bind(table.name)).await?;
            let present = Present { columns: row.try_get("columns")?, indexes: row.try_get("indexes")? };
            lacks.extend(present.lacks(table));
            if !row.try_get::<bool, _>("allowed")? {
                denied.push(table.name);
            }
        }
        let recorded = sqlx::query(
            "SELECT to_regclass('_otp_auth_migrations') IS NOT NULL \
             AND has_table_privilege(to_regclass('_otp_auth_migrations')::oid, 'SELECT')",
        );
        let recorded = if self.fetch_one(recorded).await?.try_get::<Option<bool>, _>(0)? == Some(true) {
            self.fetch_one(sqlx::query("SELECT max(version) FROM _otp_auth_migrations")).await?.try_get(0)?
        } else {
            None
        };
        let mut findings = own_tables::findings(&lacks, recorded);
        if !denied.is_empty() {
            findings.push(not_allowed("SELECT, INSERT, UPDATE, DELETE", &denied.join(", ")));
        }
        Ok(findings)
    }

    #[allow(clippy::extra_unused_type_parameters, reason = "other databases prepare the statements of the type")]
    pub(super) async fn check_users<U: SqlUser<sqlx::Postgres>>(
        &self,
        table: &Table,
        sign_ups: SignUps,
    ) -> Result<Vec<Finding>, sqlx::Error> {
        let place = match self.place(table).await {
            Ok(Some(place)) => place,
            Ok(None) => return Ok(vec![findings::no_table(Dialect::Postgres, table)]),
            // This user may not look into the schema.
            Err(error) if is(&error, INSUFFICIENT_PRIVILEGE) => return Ok(vec![not_visible(table)]),
            Err(error) => return Err(error),
        };
        let mut findings = Vec::new();
        let mut present = Vec::new();
        let mut can_select = true;
        for column in &table.columns {
            match self.probe(column).await {
                Ok(row) => {
                    present.push(column);
                    findings.extend(type_fault(Dialect::Postgres, table, column, &row));
                }
                Err(error) if is(&error, UNDEFINED_COLUMN) => {
                    findings.push(findings::no_column(Dialect::Postgres, table, column));
                }
                Err(error) if is(&error, INSUFFICIENT_PRIVILEGE) => {
                    present.push(column);
                    can_select = false;
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(filter) = &table.filter
            && let Err(error) = self.fetch_optional(sqlx::query(filter.probe)).await
        {
            match error.as_database_error() {
                Some(said) if said.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => can_select = false,
                Some(said) if !is_of_the_moment(said) => {
                    findings.push(findings::wrong_filter(table, filter, said.message()));
                }
                _ => return Err(error),
            }
        }
        let (listed, allowed): (Vec<_>, Vec<_>) = self.listed(table, &place).await?.into_iter().unzip();
        if place.is_table {
            let indexes = self.unique_indexes(table).await?;
            findings.extend(table_faults(Dialect::Postgres, table, sign_ups, &present, &listed, &indexes));
        }
        findings.extend(not_written(table, &place, sign_ups));
        findings.extend(denied(table, &allowed, sign_ups, can_select));
        Ok(findings)
    }

    /// Selects one row with the type of the column.
    async fn probe(&self, column: &Column) -> Result<PgRow, sqlx::Error> {
        match self.fetch_one(sqlx::query(column.probe)).await {
            // The column has changed since the statement was prepared, so prepare it again.
            Err(error) if is(&error, CHANGED_RESULT) => {
                let mut transaction = self.begin().await?;
                transaction.clear_cached_statements().await?;
                let row = sqlx::query(column.probe).fetch_one(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(row)
            }
            result => result,
        }
    }

    async fn place(&self, table: &Table) -> Result<Option<Place>, sqlx::Error> {
        let statement = sqlx::query(
            "SELECT relkind IN ('r', 'p') AS is_table, \
             pg_relation_is_updatable(oid, TRUE) & 8 <> 0 AS takes_rows, \
             pg_relation_is_updatable(oid, TRUE) & 4 <> 0 AS takes_changes, \
             (SELECT coalesce(string_agg(replace(encode(tgargs, 'escape'), '\\000', ' ') || ' ' || prosrc, ' '), '') \
                 FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid \
                 WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND tgtype & 7 = 7 AND tgenabled <> 'D') AS triggers \
             FROM pg_class WHERE oid = to_regclass($1)",
        );
        let Some(row) = self.fetch_optional(statement.bind(table.quoted)).await? else {
            return Ok(None);
        };
        Ok(Some(Place {
            is_table: row.try_get("is_table")?,
            takes_rows: row.try_get("takes_rows")?,
            takes_changes: row.try_get("takes_changes")?,
            triggers: row.try_get("triggers")?,
        }))
    }

    async fn listed(&self, table: &Table, place: &Place) -> Result<Vec<(Listed, Allowed)>, sqlx::Error> {
        let statement = sqlx::query(
            "SELECT attname::text AS name, attnotnull OR EXISTS (WITH RECURSIVE domains AS ( \
                     SELECT typnotnull AS refuses, typbasetype AS base \
                     UNION ALL SELECT inner_type.typnotnull, inner_type.typbasetype \
                     FROM domains JOIN pg_type AS inner_type ON inner_type.oid = domains.base) \
                 SELECT 1 FROM domains WHERE refuses) AS is_required, \
             NOT atthasdef AND attidentity = '' AND typdefault IS NULL AS is_bare, \
             attgenerated <> '' OR attidentity = 'a' AS is_generated, \
             has_column_privilege(attrelid, attnum, 'INSERT') AS can_insert, \
             has_column_privilege(attrelid, attnum, 'UPDATE') AS can_update, \
             (SELECT min(refobjid::regclass::text) FROM pg_attrdef \
                 JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = pg_attrdef.oid \
                 JOIN pg_class ON refclassid = 'pg_class'::regclass AND pg_class.oid = refobjid \
                 WHERE adrelid = attrelid AND adnum = attnum \
                 AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(refobjid, 'USAGE, UPDATE') ELSE FALSE END \
             ) AS denied_sequence \
             FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        );
        let listed = |row: &PgRow| {
            let listed = Listed::read(row, &place.triggers)?;
            let allowed = Allowed {
                name: listed.name.clone(),
                can_insert: row.try_get("can_insert")?,
                can_update: row.try_get("can_update")?,
                denied_sequence: row.try_get("denied_sequence")?,
            };
            Ok((listed, allowed))
        };
        self.fetch_all(statement.bind(table.quoted)).await?.iter().map(listed).collect()
    }

    async fn unique_indexes(&self, table: &Table) -> Result<Vec<UniqueIndex>, sqlx::Error> {
        let statement = sqlx::query(
            "SELECT relname::text AS name, indisvalid, pg_get_expr(indpred, indrelid) AS condition, \
             ARRAY(SELECT attname::text FROM generate_series(1, indnkeyatts::integer) AS number \
                 LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[number - 1] AND attnum <> 0 \
                 ORDER BY number) AS columns, \
             ARRAY(SELECT pg_get_indexdef(indexrelid, number, TRUE) \
                 FROM generate_series(1, indnkeyatts::integer) AS number ORDER BY number) AS keys \
             FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
             WHERE indrelid = to_regclass($1) AND indisunique ORDER BY relname",
        );
        let index = |row: &PgRow| {
            let columns: Vec<Option<String>> = row.try_get("columns")?;
            let keys: Vec<String> = row.try_get("keys")?;
            let key = |(column, text): (Option<String>, _)| column.map_or(KeyPart::Expression(text), KeyPart::Column);
            Ok(UniqueIndex {
                name: row.try_get("name")?,
                keys: columns.into_iter().zip(keys).map(key).collect(),
                condition: row.try_get("condition")?,
                is_valid: row.try_get("indisvalid")?,
            })
        };
        self.fetch_all(statement.bind(table.quoted)).await?.iter().map(index).collect()
    }
}

const UNDEFINED_COLUMN: &str = "42703";
const CHANGED_RESULT: &str = "0A000";
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Whether an error is about the state of the server and not about a statement: connections,
/// transactions, resources, locks, shutdowns and internal errors.
fn is_of_the_moment(error: &dyn DatabaseError) -> bool {
    const CLASSES: [&str; 8] = ["08", "25", "40", "53", "55", "57", "58", "XX"];
    error.code().is_some_and(|code| CLASSES.iter().any(|class| code.starts_with(class)))
}

fn is(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some(code)
}

/// A view that cannot be written to.
fn not_written(table: &Table, place: &Place, sign_ups: SignUps) -> Vec<Finding> {
    let adding = (sign_ups == SignUps::Open && !place.takes_rows).then_some("INSERT");
    let marking = (table.verified.is_some() && !place.takes_changes).then_some("UPDATE");
    let finding = |what| {
        Finding::new(
            FindingKind::SignUp,
            format!("`{}` does not support {what}", table.title()),
            format!(
                "run `CREATE TRIGGER … INSTEAD OF {what} ON {} FOR EACH ROW …`, or name the table behind the view",
                table.quoted
            ),
        )
    };
    adding.into_iter().chain(marking).map(finding).collect()
}

/// What this database user may not do with the table.
fn denied(table: &Table, allowed: &[Allowed], sign_ups: SignUps, can_select: bool) -> Vec<Finding> {
    let is_given =
        |name: &str| table.columns.iter().any(|column| column.given != Given::Nothing && column.name == name);
    let can_insert =
        sign_ups == SignUps::Closed || allowed.iter().all(|column| column.can_insert || !is_given(&column.name));
    let can_update = allowed.iter().all(|column| column.can_update || Some(column.name.as_str()) != table.verified);
    let rights = [(can_select, "SELECT"), (can_insert, "INSERT"), (can_update, "UPDATE")];
    let missing: Vec<_> = rights.iter().filter(|(can, _)| !can).map(|(_, right)| *right).collect();
    let on_table = (!missing.is_empty()).then(|| not_allowed(&missing.join(", "), table.quoted));
    let sequences = allowed.iter().filter(|column| sign_ups == SignUps::Open && !is_given(&column.name));
    let on_sequences = sequences.filter_map(|column| column.denied_sequence.as_ref());
    on_table.into_iter().chain(on_sequences.map(|name| not_allowed("USAGE", &format!("SEQUENCE {name}")))).collect()
}

fn not_allowed(rights: &str, tables: &str) -> Finding {
    findings::not_allowed(&format!("{rights} on {tables}"), &format!("{rights} ON {tables}"))
}

fn not_visible(table: &Table) -> Finding {
    let schema = table.schema.unwrap_or("…");
    findings::not_allowed(&format!("USAGE on the schema of `{}`", table.title()), &format!("USAGE ON SCHEMA {schema}"))
}

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;
    use crate::store::sql::failure::tests::of_postgres;
    use crate::store::sql::postgres::user::FieldOf;

    fn table(verified: Option<&'static str>) -> Table {
        let column =
            |(name, given)| Column { name, quoted: name, probe: "", given, field: FieldOf::<String>::new().describe() };
        let columns = [("id", Given::Nothing), ("email", Given::Value), ("ok", Given::Default)].map(column).into();
        Table {
            schema: None,
            name: "users",
            quoted: "\"users\"",
            id: "id",
            email: "email",
            verified,
            filter: None,
            columns,
        }
    }

    fn problems(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(Finding::problem).collect()
    }

    #[test]
    fn a_view_must_take_what_a_sign_in_writes() {
        let [insert, update] = ["INSERT", "UPDATE"].map(|what| format!("`users` does not support {what}"));
        for (takes_rows, takes_changes, sign_ups, verified, expected) in [
            (true, true, SignUps::Open, Some("ok"), vec![]),
            (false, true, SignUps::Open, Some("ok"), vec![&insert]),
            (true, false, SignUps::Open, Some("ok"), vec![&update]),
            (false, false, SignUps::Open, None, vec![&insert]),
            (false, false, SignUps::Closed, Some("ok"), vec![&update]),
        ] {
            let place = Place { is_table: false, takes_rows, takes_changes, triggers: String::new() };
            assert_eq!(problems(&not_written(&table(verified), &place, sign_ups)), expected);
        }
    }

    #[test]
    fn what_a_sign_in_needs_and_may_not_do_is_told() {
        let all = ["id", "email", "ok"].map(|name| (name, true, true, None));
        let sequence = || Some("users_id_seq".to_owned());
        let of = |changed: (&'static str, bool, bool, Option<String>), sign_ups, can_select| {
            let rows = all.clone().map(|row| if row.0 == changed.0 { changed.clone() } else { row });
            let allowed = rows.map(|(name, can_insert, can_update, denied_sequence)| Allowed {
                name: name.to_owned(),
                can_insert,
                can_update,
                denied_sequence,
            });
            problems(&denied(&table(Some("ok")), &allowed, sign_ups, can_select)).join(", ")
        };
        let lacks = |what: &str| format!("the database user lacks {what}");
        let (open, closed) = (SignUps::Open, SignUps::Closed);
        assert_eq!(of(("id", true, true, None), open, true), "");
        assert_eq!(of(("id", false, false, None), open, true), "");
        assert_eq!(of(("email", true, false, sequence()), open, true), "");
        assert_eq!(of(("email", false, true, None), closed, true), "");
        assert_eq!(of(("id", true, true, sequence()), closed, true), "");
        assert_eq!(of(("email", false, true, None), open, true), lacks("INSERT on \"users\""));
        assert_eq!(of(("ok", true, false, None), closed, true), lacks("UPDATE on \"users\""));
        assert_eq!(of(("ok", false, false, None), open, false), lacks("SELECT, INSERT, UPDATE on \"users\""));
        assert_eq!(of(("id", true, true, sequence()), open, true), lacks("USAGE on SEQUENCE users_id_seq"));
    }

    #[tokio::test]
    async fn an_error_of_the_moment_is_not_about_the_statement() {
        for (code, is_passing) in [("C53300", true), ("CXX000", true), ("C42703", false), ("C42501", false)] {
            let error = of_postgres(&[code, "Mx"]).await;
            assert_eq!(is_of_the_moment(error.as_database_error().unwrap()), is_passing, "{code}");
            assert_eq!(is(&error, UNDEFINED_COLUMN), code == "C42703", "{code}");
        }
        assert!(!is(&sqlx::Error::RowNotFound, UNDEFINED_COLUMN));
    }
}
