//! The table of the users as the derive describes it, for the check at the
//! start.

use std::fmt;
use std::marker::PhantomData;

use sqlx::types::Json;
use sqlx::{Database, Type, TypeInfo as _};

/// A table of users, with what their struct expects of it.
#[derive(Debug)]
pub struct Table<DB: Database> {
    /// The schema, where one is given.
    pub schema: Option<&'static str>,
    /// The name.
    pub name: &'static str,
    /// Both, as the statements write them.
    pub quoted: &'static str,
    /// The column of the id.
    pub id: &'static str,
    /// The column of the address.
    pub email: &'static str,
    /// The column of the flag, if there is one.
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
    /// A statement with the condition, which reads no row.
    pub probe: &'static str,
}

/// A column with a field.
#[derive(Debug)]
pub struct Column<DB: Database> {
    /// The name.
    pub name: &'static str,
    /// The name, as the statements write it.
    pub quoted: &'static str,
    /// A statement that selects the column, in one row of NULL, whatever rows
    /// there are: the type comes along, and no row is read.
    pub probe: &'static str,
    /// What the statement that adds a user gives it.
    pub given: Given,
    /// What the field reads.
    pub field: Field<DB>,
}

/// What a new user has in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Whatever the table gives.
    Nothing,
    /// The `Default` of the field's type, which is NULL for an `Option`.
    Default,
    /// A value.
    Value,
}

/// What a field reads.
pub struct Field<DB: Database> {
    /// Its type, as people write it.
    pub(super) written: String,
    /// The name of the type in the database, where sqlx knows one.
    pub(super) reads: Option<String>,
    /// Whether it is kept as JSON. There `None` is a value, and NULL is none.
    pub(super) is_json: bool,
    /// Whether sqlx reads this type as one of the field.
    pub(super) is_compatible: fn(&DB::TypeInfo) -> bool,
}

impl<DB: Database> Column<DB> {
    /// Whether the field is an `Option`, and NULL its `None`.
    pub(super) fn is_optional(&self) -> bool {
        self.field.written.starts_with("Option<") && !self.field.is_json
    }

    /// Whether the field certainly does not read NULL: it is kept as JSON, or
    /// its type is one of these. A type of the application may do so.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(super) fn reads_no_null(&self) -> bool {
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
    pub(super) fn is_null(&self) -> bool {
        self.given == Given::Default && self.is_optional()
    }
}

impl<DB: Database> Table<DB> {
    /// The table, as people call it.
    pub(super) fn title(&self) -> String {
        self.schema.map_or_else(|| self.name.to_owned(), |schema| format!("{schema}.{}", self.name))
    }
}

impl<DB: Database> fmt::Debug for Field<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("written", &self.written).field("reads", &self.reads).finish_non_exhaustive()
    }
}

/// A field of type `T`. [`describe`](Self::describe) is there twice: for a
/// type that sqlx does not know, [`Unknown`] takes its place, because reading
/// the row reports that mistake already, and one mistake gives one error.
#[allow(missing_debug_implementations, reason = "it lives for one expression of generated code")]
pub struct FieldOf<DB, T>(PhantomData<(DB, fn() -> T)>);

impl<DB, T> FieldOf<DB, T> {
    /// A field of this type.
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
    /// What a field reads that is kept as JSON, or as JSON text.
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

/// What stands in for a type that sqlx does not know.
pub trait Unknown<DB: Database> {
    /// A field that reads whatever there is.
    fn describe(self) -> Field<DB>;
}

impl<DB: Database, T> Unknown<DB> for FieldOf<DB, T> {
    fn describe(self) -> Field<DB> {
        Field { written: written::<T>(), reads: None, is_json: false, is_compatible: |_| true }
    }
}

/// The type without the paths: `Option<String>`.
fn written<T>() -> String {
    let mut short = String::new();
    for part in std::any::type_name::<T>().split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_')) {
        // A part of a path ends with one colon; the other one stands alone.
        if !part.ends_with(':') {
            short.push_str(part);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_type_is_written_without_its_paths() {
        assert_eq!(written::<i64>(), "i64");
        assert_eq!(written::<Option<String>>(), "Option<String>");
        assert_eq!(
            written::<std::collections::HashMap<String, Vec<(u8, [std::time::Duration; 2])>>>(),
            "HashMap<String, Vec<(u8, [Duration; 2])>>"
        );
    }
}
