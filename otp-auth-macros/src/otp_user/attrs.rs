//! The attributes of a user struct, as written. Rules about a single value are checked here, rules
//! about several in the model.

use proc_macro2::Ident;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Type};

use super::dialect::Dialect;
use super::stores::{self, Features};
use super::words::{FIELD, ITEM};
use crate::diag::{Errors, FromAttribute, Result, mistake};
use crate::entry::{Content, Entry, UNKNOWN};
use crate::reader::read_attribute;
use crate::slot::Slot;
use crate::syntax::{Root, plain_name};
use crate::value::{ClaimName, CollectionName, ColumnName, DocumentFilter, SqlFilter, TableName};

/// A user struct as written.
pub(crate) struct Attributes<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) table: Slot<TableName>,
    pub(crate) stores: Slot<Vec<Dialect>>,
    pub(crate) collection: Slot<CollectionName>,
    /// `filter = "…"`
    pub(crate) filter: Slot<SqlFilter>,
    /// `filter(…)`
    pub(crate) document_filter: Slot<DocumentFilter>,
    pub(crate) claims: Slot<Type>,
    pub(crate) root: Root,
    /// `None` if the item is not a struct with named fields.
    pub(crate) fields: Option<Vec<FieldAttributes<'a>>>,
    /// Whether some attribute has an unknown meaning, so that a role may only seem to be missing.
    pub(crate) unclear: bool,
    /// Keys for fields that were written on the struct instead.
    pub(crate) misplaced: Vec<&'static str>,
    /// What this build can generate.
    pub(crate) features: Features,
}

/// A field as written.
pub(crate) struct FieldAttributes<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) id: Slot<()>,
    pub(crate) generate: Slot<Generate>,
    pub(crate) email: Slot<()>,
    pub(crate) verified: Slot<()>,
    pub(crate) claim: Slot<ClaimName>,
    pub(crate) column: Slot<ColumnName>,
    pub(crate) default: Slot<DefaultValue>,
    pub(crate) json: Slot<()>,
    pub(crate) skip: Slot<()>,
    /// Whether an attribute of this field has an unknown meaning. The mistake has been reported.
    unclear: bool,
}

/// `generate = expr`.
pub(crate) struct Generate(pub(crate) Expr);

impl FromAttribute for Generate {
    fn from_expr(expr: &Expr) -> Result<Self> {
        Ok(Self(expr.clone()))
    }
}

/// `default` or `default = expr`.
pub(crate) struct DefaultValue(pub(crate) Option<Expr>);

impl FromAttribute for DefaultValue {
    fn from_word() -> Result<Self> {
        Ok(Self(None))
    }

    fn from_expr(expr: &Expr) -> Result<Self> {
        Ok(Self(Some(expr.clone())))
    }
}

impl<'a> Attributes<'a> {
    /// Reads everything that parses and reports the rest.
    pub(crate) fn read(input: &'a DeriveInput, features: Features, errors: &mut Errors) -> Self {
        let mut written = Self {
            input,
            table: Slot::Absent,
            stores: Slot::Absent,
            collection: Slot::Absent,
            filter: Slot::Absent,
            document_filter: Slot::Absent,
            claims: Slot::Absent,
            root: Root::default(),
            fields: None,
            unclear: false,
            misplaced: Vec::new(),
            features,
        };
        let mut root = Slot::Absent;
        for attribute in &input.attrs {
            if attribute.path().is_ident("otp_user") {
                for entry in read_attribute(attribute, &ITEM, errors) {
                    written.take(&entry, &mut root, features, errors);
                }
            } else if attribute.path().is_ident("otp") {
                errors.push(mistake(
                    attribute.path(),
                    "`#[otp(...)]` goes on a field; on the struct write `#[otp_user(...)]`",
                ));
                written.unclear = true;
            }
        }
        if let Some(root) = root.value() {
            written.root = Root::clone(root);
        }
        match named_fields(input) {
            Ok(fields) => {
                let fields: Vec<_> =
                    fields.iter().filter_map(|field| Some(read_field(field.ident.as_ref()?, field, errors))).collect();
                written.unclear |= fields.iter().any(|field| field.unclear);
                written.fields = Some(fields);
            }
            Err(error) => errors.push(error),
        }
        written
    }

    fn take(&mut self, entry: &Entry, root: &mut Slot<Root>, features: Features, errors: &mut Errors) {
        match entry.name {
            "table" => self.table.put_value(entry, errors),
            "claims" => self.claims.put_type(entry, errors),
            "crate" => root.put_value(entry, errors),
            "stores" => match &entry.content {
                Content::List(tokens) => {
                    let stores = stores::read(tokens.clone(), &entry.key, features, errors);
                    self.stores.put(entry, Ok(stores), errors);
                }
                _ => self.stores.mark_broken(),
            },
            "collection" => {
                self.collection.put_value(entry, errors);
                if !features.mongodb {
                    let need = "`collection` needs the crate feature `mongodb`";
                    errors.push(stores::missing_feature(entry.key.span(), need, "mongodb"));
                }
            }
            "filter" => match &entry.content {
                Content::List(tokens) => {
                    let filter = DocumentFilter::read(tokens.clone(), &entry.key, errors);
                    self.document_filter.put(entry, Ok(filter), errors);
                }
                Content::Expr(_) => self.filter.put_value(entry, errors),
                _ => {
                    self.filter.mark_broken();
                    self.document_filter.mark_broken();
                }
            },
            UNKNOWN => {}
            misplaced => self.misplaced.push(misplaced),
        }
    }
}

/// The named fields of a struct, or an error that says what to write instead.
fn named_fields(input: &DeriveInput) -> Result<&syn::punctuated::Punctuated<syn::Field, syn::Token![,]>> {
    let (what, place) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Ok(&fields.named),
            Fields::Unnamed(_) => ("this struct has unnamed fields", &input.ident),
            Fields::Unit => ("this struct has no fields", &input.ident),
        },
        Data::Enum(_) => ("this is an enum", &input.ident),
        Data::Union(_) => ("this is a union", &input.ident),
    };
    Err(mistake(
        place,
        format_args!(
            "`OtpUser` is derived for a struct with named fields, and {what}: write `struct {} {{ \
             #[otp(id)] id: i64, #[otp(email)] email: String }}`",
            input.ident
        ),
    ))
}

/// Reads one field with its attributes.
fn read_field<'a>(ident: &'a Ident, field: &'a syn::Field, errors: &mut Errors) -> FieldAttributes<'a> {
    let mut written = FieldAttributes {
        ident,
        ty: &field.ty,
        attrs: &field.attrs,
        id: Slot::Absent,
        generate: Slot::Absent,
        email: Slot::Absent,
        verified: Slot::Absent,
        claim: Slot::Absent,
        column: Slot::Absent,
        default: Slot::Absent,
        json: Slot::Absent,
        skip: Slot::Absent,
        unclear: false,
    };
    for attribute in &field.attrs {
        if attribute.path().is_ident("otp") {
            let entries = read_attribute(attribute, &FIELD, errors);
            written.unclear |= entries.is_empty();
            for entry in entries {
                written.take(&entry, errors);
            }
        } else if attribute.path().is_ident("otp_user") {
            errors.push(mistake(
                attribute.path(),
                "`#[otp_user(...)]` goes on the struct; on a field write `#[otp(...)]`",
            ));
            written.unclear = true;
        }
    }
    written
}

impl FieldAttributes<'_> {
    /// The field's column.
    pub(crate) fn column_name(&self) -> String {
        match self.column.value() {
            Some(column) => column.0.clone(),
            None => plain_name(self.ident),
        }
    }

    fn take(&mut self, entry: &Entry, errors: &mut Errors) {
        match entry.name {
            "id" => self.id.put_value(entry, errors),
            "generate" => self.generate.put_value(entry, errors),
            "email" => self.email.put_value(entry, errors),
            "verified" => self.verified.put_value(entry, errors),
            "claim" => self.claim.put_value(entry, errors),
            "column" => self.column.put_value(entry, errors),
            "default" => self.default.put_value(entry, errors),
            "json" => self.json.put_value(entry, errors),
            "skip" => self.skip.put_value(entry, errors),
            UNKNOWN => self.unclear = true,
            _ => {}
        }
    }
}
