//! Syntax helpers: what invisible groups contain, what a type visibly is, and the path of the
//! runtime crate.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, GenericArgument, Generics, Lit, Path, PathArguments, Type, parse_quote};

use crate::diag::{FromAttribute, Result, mistake};

/// The path of the runtime crate: `::otp_auth`, or the value of `crate = …`.
#[derive(Clone)]
pub(crate) struct Root(Path);

impl Default for Root {
    fn default() -> Self {
        Self(parse_quote!(::otp_auth))
    }
}

impl Root {
    /// The only module of the runtime that generated code uses.
    pub(crate) fn private(&self) -> TokenStream {
        let Self(root) = self;
        quote!(#root::__private)
    }

    /// The path of serde in the runtime, as serde's `crate` attribute takes it. `None` for a path
    /// that begins with `$crate`, which a string cannot express.
    pub(crate) fn serde(&self) -> Option<String> {
        let colons = self.0.leading_colon.map_or("", |_| "::");
        let names: Vec<_> = self.0.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let written = !names.iter().any(|name| name == "$crate");
        written.then(|| format!("{colons}{}::__private::serde", names.join("::")))
    }
}

impl FromAttribute for Root {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match peel(expr) {
            Expr::Path(path) if path.qself.is_none() && path.path.segments.iter().all(|s| s.arguments.is_none()) => {
                Ok(Self(path.path.clone()))
            }
            Expr::Lit(lit) if matches!(lit.lit, Lit::Str(_)) => {
                Err(mistake(lit, "`crate` takes a path, without quotes: write `crate = path::to::otp_auth`"))
            }
            other => {
                Err(mistake(other, "`crate` takes the path of the otp-auth crate: write `crate = path::to::otp_auth`"))
            }
        }
    }
}

/// The expression inside parentheses and the invisible groups that `macro_rules!` creates.
pub(crate) fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => peel(&group.expr),
        Expr::Paren(paren) => peel(&paren.expr),
        other => other,
    }
}

/// The type inside parentheses and the invisible groups that `macro_rules!` creates.
pub(crate) fn peel_type(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel_type(&group.elem),
        Type::Paren(paren) => peel_type(&paren.elem),
        other => other,
    }
}

/// The value of a string literal. `None` for anything else.
pub(crate) fn string(expr: &Expr) -> Option<String> {
    match peel(expr) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The last name of a type path, with its arguments. A macro knows no more about the type.
pub(crate) fn visible_name(ty: &Type) -> Option<(String, &PathArguments)> {
    match peel_type(ty) {
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            Some((last.ident.unraw().to_string(), &last.arguments))
        }
        _ => None,
    }
}

/// Whether the type is visibly `Option<…>`.
pub(crate) fn is_option(ty: &Type) -> bool {
    visible_name(ty).is_some_and(|(name, arguments)| name == "Option" && !arguments.is_none())
}

/// The type inside a visible `Option<…>`.
pub(crate) fn option_inner(ty: &Type) -> Option<&Type> {
    match visible_name(ty)? {
        (name, PathArguments::AngleBracketed(arguments)) if name == "Option" => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Whether the last name of the type is `wanted`.
pub(crate) fn is_called(ty: &Type, wanted: &str) -> bool {
    visible_name(ty).is_some_and(|(name, _)| name == wanted)
}

/// Whether the type is visibly neither `bool` nor a time. `false` for an unknown name, which may be
/// an alias.
pub(crate) fn is_plain_value(ty: &Type) -> bool {
    const OTHERS: [&str; 18] = [
        "String", "str", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "Option",
    ];
    visible_name(ty).is_some_and(|(name, _)| OTHERS.contains(&name.as_str()))
}

/// Whether the type is visibly a time.
pub(crate) fn is_time(ty: &Type) -> bool {
    const TIMES: [&str; 7] =
        ["DateTime", "NaiveDateTime", "OffsetDateTime", "PrimitiveDateTime", "UtcDateTime", "SystemTime", "Timestamp"];
    visible_name(ty).is_some_and(|(name, _)| TIMES.contains(&name.as_str()))
}

/// Whether the type is visibly an id other than an `ObjectId`. `false` for an unknown name, which
/// may be one or wrap one.
pub(crate) fn is_no_object_id(ty: &Type) -> bool {
    const OTHERS: [&str; 14] =
        ["String", "Uuid", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];
    visible_name(ty).is_some_and(|(name, _)| OTHERS.contains(&name.as_str()))
}

/// Whether the type is visibly an id.
pub(crate) fn is_known_id(ty: &Type) -> bool {
    is_no_object_id(ty) || is_called(ty, "ObjectId")
}

/// The first generic parameter that `ty` mentions.
pub(crate) fn mentioned_parameter(ty: &Type, generics: &Generics) -> Option<Ident> {
    let parameters: Vec<_> = generics
        .type_params()
        .map(|parameter| &parameter.ident)
        .chain(generics.const_params().map(|parameter| &parameter.ident))
        .collect();
    find_ident(ty.to_token_stream(), &|ident| parameters.iter().any(|parameter| **parameter == *ident))
}

/// Whether the type mentions a lifetime.
pub(crate) fn mentions_lifetime(ty: &Type) -> bool {
    fn any(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Punct(punct) => punct.as_char() == '\'',
            TokenTree::Group(group) => any(group.stream()),
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        })
    }
    any(ty.to_token_stream())
}

/// Whether the type mentions `name`, also in its arguments.
pub(crate) fn mentions(ty: &Type, name: &str) -> bool {
    fn any(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == name,
            TokenTree::Group(group) => any(group.stream(), name),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    any(ty.to_token_stream(), name)
}

/// The type, dependent on a check of the runtime. If the check fails, the compiler reports that at
/// the type, and nothing that follows from it. `None` if the type mentions a parameter, because a
/// constant cannot.
///
/// ```text
/// <User as Checked<{ user::<User>() }>>::Type
/// ```
pub(crate) fn checked(ty: &Type, check: &str, generics: &Generics, private: &TokenStream) -> Option<TokenStream> {
    let check = Ident::new(check, Span::call_site());
    is_constant(ty, generics).then(|| quote!(<#ty as #private::Checked<{ #private::#check::<#ty>() }>>::Type))
}

/// An associated type, dependent on a check. Documentation shows the type as written.
///
/// ```text
/// #[cfg(not(doc))]
/// type User = <User as Checked<{ user::<User>() }>>::Type;
/// #[cfg(doc)]
/// type User = User;
/// ```
pub(crate) fn checked_type(
    name: &str,
    ty: &Type,
    check: &str,
    generics: &Generics,
    private: &TokenStream,
) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    match checked(ty, check, generics, private) {
        None => quote!(type #name = #ty;),
        Some(checked) => quote! {
            #[cfg(not(doc))]
            type #name = #checked;
            #[cfg(doc)]
            type #name = #ty;
        },
    }
}

/// Whether a constant can mention the type. A type that ends in `+` cannot stand before `as`.
pub(crate) fn is_constant(ty: &Type, generics: &Generics) -> bool {
    let is_open = matches!(ty, Type::TraitObject(object) if object.bounds.trailing_punct());
    !is_open && mentioned_parameter(ty, generics).is_none() && !mentions_lifetime(ty) && !mentions(ty, "Self")
}

/// Whether the type may be one that threads cannot share, by the names in it.
pub(crate) fn may_be_of_one_thread(ty: &Type) -> bool {
    ["Rc", "Cell", "RefCell", "OnceCell"].iter().any(|name| mentions(ty, name))
}

/// The first identifier for which `wanted` is true and that does not follow a `::`.
fn find_ident(tokens: TokenStream, wanted: &dyn Fn(&Ident) -> bool) -> Option<Ident> {
    let mut behind_colon = false;
    for token in tokens {
        let found = match &token {
            TokenTree::Ident(ident) if !behind_colon && wanted(ident) => Some(ident.clone()),
            TokenTree::Group(group) => find_ident(group.stream(), wanted),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        behind_colon = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
    }
    None
}

/// The name of a field as a database or a client sees it: `r#type` is `type`.
pub(crate) fn plain_name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// A span that points at `place` in messages but resolves names like all other generated code.
pub(crate) fn pointing_at(place: &impl Spanned) -> Span {
    place.span().resolved_at(Span::call_site())
}

/// The span of the last token.
pub(crate) fn end(place: &impl ToTokens) -> Span {
    place.to_token_stream().into_iter().last().map_or_else(Span::call_site, |last| last.span())
}
