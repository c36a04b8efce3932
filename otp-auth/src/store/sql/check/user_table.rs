//! The user table as the derive describes it, for the startup check.

use std::fmt;
use std::marker::PhantomData;

use sqlx::types::Json;
use sqlx::{Database, Type, TypeInfo as _};

/// A user table, and what the user struct expects of it.
#[derive(Debug)]
pub struct Table<DB: Database> {
    /// The schema, if one is set.
    pub schema: Option<&'static str>,
    /// The name.
    pub name: &'static str,
    /// Schema and name, as the statements write them.
    pub quoted: &'static str,
    /// The column of the id.
    pub id: &'static str,
    /// The column of the address.
    pub email: &'static str,
    /// The column of the verified flag, if there is one.
    pub verified: Option<&'static str>,
    /// Which rows are users, if not all.
    pub filter: Option<Filter>,
    /// The columns of all fields.
    pub columns: Vec<Column<DB>>,
}

/// Which rows are users.
#[derive(Debug)]
pub struct Filter {
    /// The condition.
    pub text: &'static str,
    /// A statement with the condition that reads no rows.
    pub probe: &'static str,
}

/// A column that belongs to a field.
#[derive(Debug)]
pub struct Column<DB: Database> {
    /// The name.
    pub name: &'static str,
    /// The name, as the statements write it.
    pub quoted: &'static str,
    /// A statement that selects the column in one row of NULL, whatever rows exist: it returns the
    /// type and reads no rows.
    pub probe: &'static str,
    /// What the INSERT of a user sets it to.
    pub given: Given,
    /// What the field reads.
    pub field: Field<DB>,
}

/// What the INSERT of a user sets a column to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Nothing: the table's default applies.
    Nothing,
    /// The `Default` of the field's type, which is NULL for an `Option`.
    Default,
    /// A value.
    Value,
}

/// What a field reads.
pub struct Field<DB: Database> {
    /// Its type, as written in code.
    pub(crate) written: String,
    /// The name of the database type, if sqlx knows one.
    pub(crate) reads: Option<String>,
    /// Whether it is stored as JSON. Then `None` is a JSON value, and NULL is not a value.
    pub(crate) is_json: bool,
    /// Whether sqlx can read this database type into the field.
    pub(crate) is_compatible: fn(&DB::TypeInfo) -> bool,
}

impl<DB: Database> Column<DB> {
    /// Whether the field is an `Option` that reads NULL as `None`.
    pub(crate) fn is_optional(&self) -> bool {
        self.field.written.starts_with("Option<") && !self.field.is_json
    }

    /// Whether the field certainly cannot read NULL, because it is stored as JSON or has one of
    /// these types. A type of the application may be able to.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(crate) fn reads_no_null(&self) -> bool {
        const PLAIN: [&str; 20] = [
            "String",
            "bool",
            "i8",
            "i16",
            "i32",
            "i64",
            "u8",
            "u16",
            "u32",
            "u64",
            "f32",
            "f64",
            "Uuid",
            "OffsetDateTime",
            "PrimitiveDateTime",
            "Date",
            "Time",
            "DateTime<Utc>",
            "NaiveDateTime",
            "NaiveDate",
        ];
        let written = self.field.written.as_str();
        self.field.is_json || PLAIN.contains(&written) || written.starts_with("Vec<")
    }

    /// Whether a first sign-in writes NULL.
    pub(crate) fn is_null(&self) -> bool {
        self.given == Given::Default && self.is_optional()
    }
}

impl<DB: Database> Table<DB> {
    /// The name of the table, for messages.
    pub(crate) fn title(&self) -> String {
        self.schema.map_or_else(|| self.name.to_owned(), |schema| format!("{schema}.{}", self.name))
    }
}

impl<DB: Database> fmt::Debug for Field<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("written", &self.written).field("reads", &self.reads).finish_non_exhaustive()
    }
}

/// A field of type `T`. There are two `describe` methods: for a type that sqlx does not know, the
/// one of [`Unknown`] applies, because reading the row already reports that mistake, and one
/// mistake gives one error.
#[allow(missing_debug_implementations, reason = "it lives for one expression of generated code")]
pub struct FieldOf<DB, T>(PhantomData<(DB, fn() -> T)>);

impl<DB, T> FieldOf<DB, T> {
    /// Creates a field of this type.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "only generated code makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

#[allow(
    clippy::unused_self,
    reason = "the methods of a value are looked up in an order that associated functions are not"
)]
impl<DB: Database, T: Type<DB>> FieldOf<DB, T> {
    /// What the field reads.
    #[must_use]
    pub fn describe(self) -> Field<DB> {
        Field {
            written: written::<T>(),
            reads: Some(T::type_info().name().to_owned()),
            is_json: false,
            is_compatible: <T as Type<DB>>::compatible,
        }
    }
}

#[allow(clippy::unused_self, reason = "as `describe`")]
impl<DB: Database, T> FieldOf<DB, T>
where
    String: Type<DB>,
    Json<T>: Type<DB>,
{
    /// What a field that is stored as JSON, or as JSON text, reads.
    #[must_use]
    pub fn describe_json(self) -> Field<DB> {
        let name = match <Json<T> as Type<DB>>::type_info().name() {
            // As sqlx sends it to `MySQL`.
            "BINARY" => "JSON".to_owned(),
            name => name.to_owned(),
        };
        Field {
            written: written::<T>(),
            reads: Some(name),
            is_json: true,
            is_compatible: |kind| <String as Type<DB>>::compatible(kind) || <Json<T> as Type<DB>>::compatible(kind),
        }
    }
}

/// Stands in for `FieldOf::describe` if sqlx does not know the type.
pub trait Unknown<DB: Database> {
    /// A field that reads any type.
    fn describe(self) -> Field<DB>;
}

impl<DB: Database, T> Unknown<DB> for FieldOf<DB, T> {
    fn describe(self) -> Field<DB> {
        Field { written: written::<T>(), reads: None, is_json: false, is_compatible: |_| true }
    }
}

/// The type without paths: `Option<String>`.
fn written<T>() -> String {
    let mut short = String::new();
    for part in std::any::type_name::<T>().split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_')) {
        // A path segment ends with one colon; the second colon is a separate part.
        if !part.ends_with(':') {
            short.push_str(part);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_without_its_paths() {
        assert_eq!(written::<i64>(), "i64");
        assert_eq!(written::<Option<String>>(), "Option<String>");
        assert_eq!(
            written::<std::collections::HashMap<String, Vec<(u8, [std::time::Duration; 2])>>>(),
            "HashMap<String, Vec<(u8, [Duration; 2])>>"
        );
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_field_reads_its_type_and_json_also_text() {
        let kind = |of: fn() -> sqlx::postgres::PgTypeInfo| of();
        let (text, json, number) = (
            kind(<String as Type<sqlx::Postgres>>::type_info),
            kind(<Json<Vec<i64>> as Type<sqlx::Postgres>>::type_info),
            kind(<i64 as Type<sqlx::Postgres>>::type_info),
        );
        let fields = [
            (FieldOf::<sqlx::Postgres, String>::new().describe(), [true, false, false], true),
            (FieldOf::<sqlx::Postgres, Vec<i64>>::new().describe(), [false, false, false], true),
            (FieldOf::<sqlx::Postgres, Vec<i64>>::new().describe_json(), [true, true, false], true),
            (FieldOf::<sqlx::Postgres, Option<i64>>::new().describe_json(), [true, true, false], true),
            (FieldOf::<sqlx::Postgres, Option<i64>>::new().describe(), [false, false, true], false),
            (Unknown::describe(FieldOf::<sqlx::Postgres, PhantomData<()>>::new()), [true, true, true], false),
        ];
        assert_eq!(format!("{:?}", fields[0].0), "Field { written: \"String\", reads: Some(\"TEXT\"), .. }");
        for (field, reads, reads_no_null) in fields {
            assert_eq!([&text, &json, &number].map(|kind| (field.is_compatible)(kind)), reads, "{field:?}");
            let column = Column { name: "", quoted: "", probe: "", given: Given::Nothing, field };
            assert_eq!(column.reads_no_null(), reads_no_null, "{column:?}");
        }
    }
}
