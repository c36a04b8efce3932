//! A user struct that is valid by construction.

use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, Generics, Type, Visibility};

use super::attrs::{Attributes, FieldAttributes};
use super::dialect::Dialect;
use super::{foreign, rules, types};
use crate::diag::{Errors, mistake, mistake_at};
use crate::generics;
use crate::slot::Slot;
use crate::syntax::{Root, is_option, mentioned_parameter, plain_name};
use crate::value::{ClaimName, CollectionName, FilterField, FilterValue, TableName};

/// Everything that the expansion needs.
pub(crate) struct Model {
    pub(crate) root: Root,
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) id: Role,
    pub(crate) email: Role,
    pub(crate) verified: Option<Role>,
    /// Whether the `verified` field holds the time of verification instead of a flag.
    pub(crate) verified_at: bool,
    /// Every field, in order.
    pub(crate) fields: Vec<Field>,
    pub(crate) claims: Claims,
    pub(crate) table: Option<Table>,
    pub(crate) collection: Option<Collection>,
}

/// A field with a role.
pub(crate) struct Role {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) column: String,
}

/// A field of the struct.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// `None` for a field with `skip`.
    pub(crate) column: Option<Column>,
}

/// How a field is stored.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) json: bool,
    /// The value that a sign-up inserts. `None` leaves the column to the database.
    pub(crate) on_sign_up: Option<Initial>,
}

/// The initial value of a column.
pub(crate) enum Initial {
    Email,
    True,
    /// The current time, in the field's type.
    Now,
    /// The field's `Default`.
    Default,
    Value(Box<Expr>),
}

/// The claims type of the user.
pub(crate) enum Claims {
    /// The type in `claims = …`.
    Own(Box<Type>),
    Generated(GeneratedClaims),
}

/// A claims struct to generate.
pub(crate) struct GeneratedClaims {
    pub(crate) ident: Ident,
    pub(crate) claims: Vec<Claim>,
}

/// One claim.
pub(crate) struct Claim {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// The name in the token, if the attribute gives one.
    pub(crate) rename: Option<String>,
    pub(crate) optional: bool,
    /// The doc comment of the field.
    pub(crate) docs: Vec<Attribute>,
}

/// A table, and the databases that can hold it.
pub(crate) struct Table {
    pub(crate) name: TableName,
    pub(crate) filter: Option<String>,
    pub(crate) stores: Vec<Dialect>,
}

/// A collection of documents.
pub(crate) struct Collection {
    pub(crate) name: CollectionName,
    /// The document field of the id: `_id`, unless `column` names another.
    pub(crate) id: String,
    pub(crate) filter: Vec<(FilterField, FilterValue)>,
}

impl Model {
    /// Checks the rules about several values. `None` if there is no model, for reasons that are in
    /// `errors`. There may also be both a model and errors.
    pub(crate) fn build(written: &Attributes<'_>, errors: &mut Errors) -> Option<Self> {
        let id_field = written.fields.iter().flatten().find(|field| !field.id.is_absent());
        let roles: Vec<_> = id_field.map(|field| (field.ty, "otp_auth::user::UserId")).into_iter().collect();
        generics::check("the user struct", &written.input.generics, &roles, errors);
        let table = table(written, errors);
        let fields = written.fields.as_ref()?;
        for field in fields {
            rules::check_field(field, errors);
        }
        foreign::check(written, fields, errors);
        types::check(written, fields, errors);
        rules::check_columns(fields, errors);
        if let Some(table) = written.table.value() {
            rules::check_qualified(&table.table, fields, errors);
        }
        if written.collection.key().is_some() {
            rules::check_documents(fields, errors);
        }
        rules::check_filters(written, fields, errors);
        let claims = claims(written, fields, errors);
        let id = role(fields, "id", |field| &field.id, errors);
        let email = role(fields, "email", |field| &field.email, errors);
        let verified = role(fields, "verified", |field| &field.verified, errors);
        if !written.unclear {
            for (name, found) in [("id", &id), ("email", &email)] {
                if found.is_none() && !written.misplaced.contains(&name) {
                    errors.push(rules::missing(&written.input.ident, fields, name));
                }
            }
        }
        Some(Self {
            root: written.root.clone(),
            ident: written.input.ident.clone(),
            vis: written.input.vis.clone(),
            generics: written.input.generics.clone(),
            id: id?,
            email: email?,
            verified_at: verified.as_ref().is_some_and(|role| is_option(&role.ty)),
            verified,
            fields: fields.iter().map(Field::new).collect(),
            claims,
            table,
            collection: written.collection.value().map(|name| Collection {
                name: name.clone(),
                id: document_field(fields.iter().find(|field| field.id.is_given())),
                filter: written.document_filter.value().map(|filter| filter.0.clone()).unwrap_or_default(),
            }),
        })
    }
}

impl Model {
    /// The realm of a configuration that sets none: the table, the collection, or the name of the
    /// struct.
    pub(super) fn default_realm(&self) -> String {
        match (&self.table, &self.collection) {
            (Some(Table { name: TableName { schema: Some(schema), table }, .. }), _) => format!("{schema}.{table}"),
            (Some(Table { name: TableName { schema: None, table }, .. }), _) => table.clone(),
            (None, Some(collection)) => collection.name.0.clone(),
            (None, None) => plain_name(&self.ident),
        }
    }
}

impl Field {
    fn new(written: &FieldAttributes<'_>) -> Self {
        let column = written.skip.is_absent().then(|| Column {
            name: written.column_name(),
            json: written.json.is_given(),
            on_sign_up: initial(written),
        });
        Self { ident: written.ident.clone(), ty: written.ty.clone(), column }
    }
}

fn initial(field: &FieldAttributes<'_>) -> Option<Initial> {
    if field.email.is_given() {
        return Some(Initial::Email);
    }
    if field.verified.is_given() {
        return Some(if is_option(field.ty) { Initial::Now } else { Initial::True });
    }
    if let Some(generate) = field.generate.value() {
        return Some(Initial::Value(Box::new(generate.0.clone())));
    }
    field.default.value().map(|default| match &default.0 {
        None => Initial::Default,
        Some(expr) => Initial::Value(Box::new(expr.clone())),
    })
}

/// The field with a role. A second one is a mistake.
fn role(
    fields: &[FieldAttributes<'_>],
    name: &str,
    slot: impl for<'a> Fn(&'a FieldAttributes<'_>) -> &'a Slot<()>,
    errors: &mut Errors,
) -> Option<Role> {
    let certain = || fields.iter().filter(|field| slot(field).key().is_some());
    let guessed = || fields.iter().find(|field| slot(field).is_given());
    let first = certain().next().or_else(guessed)?;
    for key in certain().skip(1).filter_map(|field| slot(field).key()) {
        errors.push(mistake(
            key,
            format_args!("only one field can have `{name}`, and `{}` already does: remove one of the two", first.ident),
        ));
    }
    Some(Role { ident: first.ident.clone(), ty: first.ty.clone(), column: first.column_name() })
}

/// The document field of the id.
fn document_field(id: Option<&FieldAttributes<'_>>) -> String {
    id.and_then(|id| id.column.value()).map_or_else(|| "_id".to_owned(), |column| column.0.clone())
}

/// The table and its stores. One without the other is a mistake.
fn table(written: &Attributes<'_>, errors: &mut Errors) -> Option<Table> {
    if let (Some(key), true) = (written.table.key(), written.stores.is_absent()) {
        errors.push(mistake(
            key,
            "`table` also needs its database: add `stores(sqlite)`, `stores(postgres)` or `stores(mysql)`",
        ));
    }
    if let (Some(key), true) = (written.stores.key(), written.table.is_absent()) {
        errors.push(mistake(key, "`stores` needs the user table: add `table = \"users\"`"));
    }
    Some(Table {
        name: written.table.value()?.clone(),
        filter: written.filter.value().map(|filter| filter.text.clone()),
        stores: written.stores.value()?.clone(),
    })
}

fn claims(written: &Attributes<'_>, fields: &[FieldAttributes<'_>], errors: &mut Errors) -> Claims {
    if let Slot::Given { value, .. } = &written.claims {
        for key in fields.iter().filter_map(|field| field.claim.key()) {
            errors.push(mistake(
                key,
                "`claims = …` on the struct replaces the generated claims: remove this `claim`, or remove `claims`",
            ));
        }
        return Claims::Own(Box::new(value.clone()));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut claims = Vec::new();
    for field in fields {
        let (Some(claim), Some(key)) = (field.claim.value(), field.claim.key()) else {
            continue;
        };
        let name = claim.name.clone().unwrap_or_else(|| plain_name(field.ident));
        if claim.name.is_none()
            && let Some(fault) = ClaimName::fault(&name)
        {
            errors.push(mistake(key, fault));
        }
        if seen.contains(&name) {
            errors.push(mistake_at(
                claim.place.unwrap_or_else(|| key.span()),
                format_args!("there is already a claim `{name}`: write another `claim = \"name\"`"),
            ));
        }
        if written.claims.is_absent()
            && let Some(parameter) = mentioned_parameter(field.ty, &written.input.generics)
        {
            errors.push(mistake(
                key,
                format_args!(
                    "a generated claims struct cannot mention the parameter `{parameter}`: write a claims type of your own and name it with \
                     `#[otp_user(claims = MyClaims)]`"
                ),
            ));
        }
        claims.push(Claim {
            ident: field.ident.clone(),
            ty: field.ty.clone(),
            rename: claim.name.clone(),
            optional: is_option(field.ty),
            docs: docs(field.attrs),
        });
        seen.push(name);
    }
    Claims::Generated(GeneratedClaims { ident: claims_ident(&written.input.ident), claims })
}

/// `UserClaims` for `User`.
pub(crate) fn claims_ident(user: &Ident) -> Ident {
    format_ident!("{}Claims", user.unraw(), span = user.span())
}

/// The doc comment among the attributes of a field.
fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc") && matches!(attribute.meta, syn::Meta::NameValue(_)))
        .cloned()
        .collect()
}
