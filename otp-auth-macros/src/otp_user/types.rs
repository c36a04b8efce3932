//! Types that a database visibly cannot store. The runtime's `Column` decides about all others.

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type};

use super::attrs::{Attributes, FieldAttributes};
use super::dialect::Dialect;
use crate::diag::{Errors, mistake};
use crate::syntax::{is_called, option_inner, peel_type, visible_name};

pub(super) fn check(written: &Attributes<'_>, fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    let lent = written.input.generics.lifetimes().next().is_some();
    for field in fields.iter().filter(|field| field.id.is_given()) {
        let list =
            visible_name(field.ty).is_some_and(|(name, _)| ["Vec", "HashMap", "bool", "f64", "f32"].contains(&&*name));
        if list || matches!(peel_type(field.ty), Type::Tuple(_) | Type::Array(_)) {
            let ty = field.ty.to_token_stream().to_string().replace(' ', "").replace(',', ", ");
            let instead = "write an integer, a `Uuid`, an `ObjectId`, a `String` or a newtype around one";
            errors.push(mistake(field.ty, format_args!("`{ty}` cannot be the id of a user: {instead}")));
            return;
        }
    }
    let Some(stores) = written.stores.value() else { return };
    for field in fields.iter().filter(|field| field.skip.is_absent() && field.json.is_absent()) {
        let ty = peel_type(option_inner(field.ty).unwrap_or(field.ty));
        let is_written = field.id.is_given() || field.default.is_given();
        let fault = match ty {
            Type::Reference(_) if lent => None,
            Type::Reference(reference) => {
                let owned = match &*reference.elem {
                    ty if is_called(ty, "str") => "`String`",
                    Type::Slice(slice) if is_called(&slice.elem, "u8") => "`Vec<u8>`",
                    _ => "an owned type",
                };
                Some(format!("the user struct must own its data: write {owned}"))
            }
            Type::TraitObject(_) => Some("a column cannot hold a trait object: write a type".to_owned()),
            _ => stores.iter().find_map(|store| fault(*store, ty, is_written)),
        };
        if let Some(fault) = fault {
            errors.push(mistake(field.ty, fault));
        }
    }
}

fn fault(store: Dialect, ty: &Type, is_written: bool) -> Option<String> {
    let (name, arguments) = visible_name(ty)?;
    let database = store.title();
    let plain = arguments.is_none();
    let instead = match (&*name, store) {
        ("HashMap" | "BTreeMap" | "HashSet" | "BTreeSet", _) if !plain => None,
        ("Vec", Dialect::Sqlite | Dialect::MySql) if !is_bytes(arguments) => None,
        ("u8", Dialect::Postgres) if plain => Some("i16"),
        ("u16", Dialect::Postgres) if plain => Some("i32"),
        ("u32" | "u64", Dialect::Postgres) | ("usize" | "isize" | "u128" | "i128", _) if plain => Some("i64"),
        ("u64", Dialect::Sqlite) if plain && is_written => Some("i64"),
        ("char", _) if plain => Some("String"),
        _ => return None,
    };
    let written = ty.to_token_stream().to_string().replace(' ', "").replace(',', ", ");
    Some(match instead {
        Some(instead) => format!("{database} cannot store `{written}`: write `{instead}`"),
        None => format!("{database} cannot store `{written}` in a column: add `#[otp(json)]`"),
    })
}

fn is_bytes(arguments: &PathArguments) -> bool {
    let PathArguments::AngleBracketed(arguments) = arguments else { return true };
    arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Type(ty) if is_called(ty, "u8")))
}
