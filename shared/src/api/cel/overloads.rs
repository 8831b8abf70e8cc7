//! What functions make of the types of their values.

use super::types::Type;

/// What a function makes of its values, of which the first is what it is called on where `on` says so.
pub(super) enum Made {
    Of(Type),
    /// There is such a function, but not for these.
    NoOverload,
    /// There is none.
    Undeclared,
}

const TEXT: Type = Type::String;
const QUANTITY: Type = Type::Named("kubernetes.Quantity");
const IP: Type = Type::Named("net.IP");
const CIDR: Type = Type::Named("net.CIDR");
const URL: Type = Type::Named("kubernetes.URL");
const SEMVER: Type = Type::Named("kubernetes.Semver");
pub(super) const AUTHORIZER: &str = "kubernetes.authorization.Authorizer";
pub(super) const CHECK: &str = "kubernetes.authorization.ResourceCheck";
/// The type of `authorizer`.
pub const ASKED: Type = Type::Named(AUTHORIZER);
const PATH: Type = Type::Named("kubernetes.authorization.PathCheck");
const GROUP: Type = Type::Named("kubernetes.authorization.GroupCheck");
const RESOURCE: Type = Type::Named(CHECK);
const DECISION: Type = Type::Named("kubernetes.authorization.Decision");
const FORMAT: Type = Type::Named("kubernetes.NamedFormat");

/// Functions of a value: of which, the values beside it (the later ones may be left out), how many there must be, the
/// result.
const METHODS: [(Type, &str, &[Type], usize, Type); 77] = [
    (TEXT, "startsWith", &[TEXT], 1, Type::Bool),
    (TEXT, "endsWith", &[TEXT], 1, Type::Bool),
    (TEXT, "contains", &[TEXT], 1, Type::Bool),
    (TEXT, "matches", &[TEXT], 1, Type::Bool),
    (TEXT, "trim", &[], 0, TEXT),
    (TEXT, "lowerAscii", &[], 0, TEXT),
    (TEXT, "upperAscii", &[], 0, TEXT),
    (TEXT, "find", &[TEXT], 1, TEXT),
    (TEXT, "replace", &[TEXT, TEXT, Type::Int], 2, TEXT),
    (TEXT, "charAt", &[Type::Int], 1, TEXT),
    (TEXT, "substring", &[Type::Int, Type::Int], 1, TEXT),
    (TEXT, "reverse", &[], 0, TEXT),
    (TEXT, "indexOf", &[TEXT, Type::Int], 1, Type::Int),
    (TEXT, "lastIndexOf", &[TEXT, Type::Int], 1, Type::Int),
    (TEXT, "size", &[], 0, Type::Int),
    (TEXT, "format", &[Type::Dyn], 1, TEXT),
    (Type::Bytes, "size", &[], 0, Type::Int),
    (Type::Time, "getFullYear", &[TEXT], 0, Type::Int),
    (Type::Time, "getMonth", &[TEXT], 0, Type::Int),
    (Type::Time, "getDate", &[TEXT], 0, Type::Int),
    (Type::Time, "getDayOfMonth", &[TEXT], 0, Type::Int),
    (Type::Time, "getDayOfWeek", &[TEXT], 0, Type::Int),
    (Type::Time, "getDayOfYear", &[TEXT], 0, Type::Int),
    (Type::Time, "getHours", &[TEXT], 0, Type::Int),
    (Type::Time, "getMinutes", &[TEXT], 0, Type::Int),
    (Type::Time, "getSeconds", &[TEXT], 0, Type::Int),
    (Type::Time, "getMilliseconds", &[TEXT], 0, Type::Int),
    (Type::Duration, "getHours", &[], 0, Type::Int),
    (Type::Duration, "getMinutes", &[], 0, Type::Int),
    (Type::Duration, "getSeconds", &[], 0, Type::Int),
    (Type::Duration, "getMilliseconds", &[], 0, Type::Int),
    (QUANTITY, "sign", &[], 0, Type::Int),
    (QUANTITY, "isInteger", &[], 0, Type::Bool),
    (QUANTITY, "asInteger", &[], 0, Type::Int),
    (QUANTITY, "asApproximateFloat", &[], 0, Type::Double),
    (QUANTITY, "isGreaterThan", &[QUANTITY], 1, Type::Bool),
    (QUANTITY, "isLessThan", &[QUANTITY], 1, Type::Bool),
    (QUANTITY, "compareTo", &[QUANTITY], 1, Type::Int),
    (QUANTITY, "add", &[Type::Dyn], 1, QUANTITY),
    (QUANTITY, "sub", &[Type::Dyn], 1, QUANTITY),
    (IP, "family", &[], 0, Type::Int),
    (IP, "isUnspecified", &[], 0, Type::Bool),
    (IP, "isLoopback", &[], 0, Type::Bool),
    (IP, "isLinkLocalMulticast", &[], 0, Type::Bool),
    (IP, "isLinkLocalUnicast", &[], 0, Type::Bool),
    (IP, "isGlobalUnicast", &[], 0, Type::Bool),
    (ASKED, "path", &[TEXT], 1, PATH),
    (ASKED, "group", &[TEXT], 1, GROUP),
    (ASKED, "serviceAccount", &[TEXT, TEXT], 2, ASKED),
    (PATH, "check", &[TEXT], 1, DECISION),
    (GROUP, "resource", &[TEXT], 1, RESOURCE),
    (RESOURCE, "subresource", &[TEXT], 1, RESOURCE),
    (RESOURCE, "namespace", &[TEXT], 1, RESOURCE),
    (RESOURCE, "name", &[TEXT], 1, RESOURCE),
    (RESOURCE, "fieldSelector", &[TEXT], 1, RESOURCE),
    (RESOURCE, "labelSelector", &[TEXT], 1, RESOURCE),
    (RESOURCE, "check", &[TEXT], 1, DECISION),
    (DECISION, "allowed", &[], 0, Type::Bool),
    (DECISION, "reason", &[], 0, TEXT),
    (DECISION, "errored", &[], 0, Type::Bool),
    (DECISION, "error", &[], 0, TEXT),
    (SEMVER, "major", &[], 0, Type::Int),
    (SEMVER, "minor", &[], 0, Type::Int),
    (SEMVER, "patch", &[], 0, Type::Int),
    (SEMVER, "isGreaterThan", &[SEMVER], 1, Type::Bool),
    (SEMVER, "isLessThan", &[SEMVER], 1, Type::Bool),
    (SEMVER, "compareTo", &[SEMVER], 1, Type::Int),
    (CIDR, "containsIP", &[Type::Dyn], 1, Type::Bool),
    (CIDR, "containsCIDR", &[Type::Dyn], 1, Type::Bool),
    (CIDR, "ip", &[], 0, IP),
    (CIDR, "prefixLength", &[], 0, Type::Int),
    (CIDR, "masked", &[], 0, CIDR),
    (URL, "getScheme", &[], 0, TEXT),
    (URL, "getHost", &[], 0, TEXT),
    (URL, "getHostname", &[], 0, TEXT),
    (URL, "getPort", &[], 0, TEXT),
    (URL, "getEscapedPath", &[], 0, TEXT),
];

/// Functions of lists and of what may be missing, whose results follow from what they are called on.
const OF_ITEMS: [&str; 23] = [
    "size",
    "isSorted",
    "sum",
    "min",
    "max",
    "indexOf",
    "lastIndexOf",
    "join",
    "hasValue",
    "value",
    "orValue",
    "or",
    "first",
    "last",
    "reverse",
    "distinct",
    "sort",
    "flatten",
    "slice",
    "findAll",
    "split",
    "getQuery",
    "validate",
];

/// Functions of one value: which may be given, the result.
const FUNCTIONS: [(&str, &[Type], Type); 20] = [
    (
        "string",
        &[
            Type::Bool,
            Type::Int,
            Type::Double,
            TEXT,
            Type::Bytes,
            Type::Time,
            Type::Duration,
            QUANTITY,
            IP,
            CIDR,
            URL,
        ],
        TEXT,
    ),
    ("int", &[Type::Int, Type::Double, TEXT, Type::Time, Type::Duration, Type::Named("uint")], Type::Int),
    ("uint", &[Type::Int, Type::Double, TEXT, Type::Named("uint")], Type::Named("uint")),
    ("double", &[Type::Int, Type::Double, TEXT, Type::Named("uint")], Type::Double),
    ("bool", &[Type::Bool, TEXT], Type::Bool),
    ("bytes", &[TEXT, Type::Bytes], Type::Bytes),
    ("timestamp", &[Type::Time, TEXT, Type::Int], Type::Time),
    ("duration", &[Type::Duration, TEXT, Type::Int], Type::Duration),
    ("quantity", &[TEXT], QUANTITY),
    ("isQuantity", &[TEXT], Type::Bool),
    ("url", &[TEXT], URL),
    ("isURL", &[TEXT], Type::Bool),
    ("ip", &[TEXT], IP),
    ("isIP", &[TEXT], Type::Bool),
    ("ip.isCanonical", &[TEXT], Type::Bool),
    ("cidr", &[TEXT], CIDR),
    ("isCIDR", &[TEXT], Type::Bool),
    ("strings.quote", &[TEXT], TEXT),
    ("jsonpatch.escapeKey", &[TEXT], TEXT),
    ("lists.range", &[Type::Int], Type::Dyn),
];

/// Functions that have a dot in their name.
const DOTTED: [&str; 20] = [
    "format.named",
    "format.dns1123Label",
    "format.dns1123Subdomain",
    "format.dns1035Label",
    "format.dns1123LabelPrefix",
    "format.dns1123SubdomainPrefix",
    "format.dns1035LabelPrefix",
    "format.labelValue",
    "format.qualifiedName",
    "format.uri",
    "format.uuid",
    "format.byte",
    "format.date",
    "format.datetime",
    "ip.isCanonical",
    "jsonpatch.escapeKey",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "lists.range",
];
const SETS: [&str; 3] = ["sets.contains", "sets.equivalent", "sets.intersects"];

/// Names of types, which are values, too.
const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Whether a function of this name stands in a package.
pub(super) fn is_dotted(name: &str) -> bool {
    DOTTED.contains(&name) || SETS.contains(&name) || name == "strings.quote"
}

pub(super) fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

pub(super) fn call(on: bool, name: &str, values: &[Type]) -> Made {
    match values.split_first() {
        Some((of, rest)) if on => method(name, of, rest),
        _ => function(name, values),
    }
}

fn method(name: &str, of: &Type, rest: &[Type]) -> Made {
    let mut known = METHODS.iter().filter(|(_, known, ..)| *known == name);
    if of.is_dyn() {
        let mut results = known.map(|(.., result)| result.clone());
        return match results.next() {
            Some(first) => Made::Of(results.fold(first, |a, b| a.joined(&b).unwrap_or(Type::Dyn))),
            None => match name {
                "isSorted" | "hasValue" => Made::Of(Type::Bool),
                "join" => Made::Of(TEXT),
                "findAll" | "split" => Made::Of(Type::List(TEXT.into())),
                _ if OF_ITEMS.contains(&name) => Made::Of(Type::Dyn),
                _ => unknown_method(name),
            },
        };
    }
    if let Some((.., wanted, least, result)) = known.find(|(on, ..)| on.joined(of).is_some()) {
        let fits = rest.len() >= *least
            && rest.len() <= wanted.len()
            && rest.iter().zip(*wanted).all(|(given, wanted)| given.joined(wanted).is_some());
        return if fits { Made::Of(result.clone()) } else { Made::NoOverload };
    }
    let numbers = |rest: &[Type]| rest.iter().all(|of| matches!(of, Type::Int | Type::Dyn));
    let texts = || Type::List(TEXT.into());
    match (of, name, rest) {
        (Type::String, "findAll" | "split", [Type::String | Type::Dyn, rest @ ..])
            if rest.len() < 2 && numbers(rest) =>
        {
            Made::Of(texts())
        }
        (Type::List(item), "first" | "last", []) => Made::Of(Type::Optional(item.clone())),
        (Type::List(_), "reverse" | "distinct" | "sort", []) => Made::Of(of.clone()),
        (Type::List(_), "slice", [_, _]) if numbers(rest) => Made::Of(of.clone()),
        (Type::List(_), "flatten", rest) if rest.len() < 2 && numbers(rest) => {
            Made::Of(Type::List(Type::Dyn.into()))
        }
        (Type::Named("kubernetes.URL"), "getQuery", []) => Made::Of(Type::Map(texts().into())),
        (Type::Named("kubernetes.NamedFormat"), "validate", [Type::String | Type::Dyn]) => {
            Made::Of(Type::Optional(texts().into()))
        }
        (Type::Optional(of), "or", [Type::Optional(other)]) => {
            of.joined(other).map_or(Made::NoOverload, |of| Made::Of(Type::Optional(of.into())))
        }
        (Type::Optional(_), "or", [Type::Dyn]) => Made::Of(of.clone()),
        (Type::List(_) | Type::Map(_), "size", []) => Made::Of(Type::Int),
        (Type::List(_), "isSorted", []) => Made::Of(Type::Bool),
        (Type::List(item), "sum" | "min" | "max", []) => Made::Of((**item).clone()),
        (Type::List(item), "indexOf" | "lastIndexOf", [wanted]) if item.joined(wanted).is_some() => {
            Made::Of(Type::Int)
        }
        (Type::List(item), "join", [] | [Type::String | Type::Dyn]) if item.joined(&TEXT).is_some() => {
            Made::Of(TEXT)
        }
        (Type::Optional(_), "hasValue", []) => Made::Of(Type::Bool),
        (Type::Optional(of), "value", []) => Made::Of((**of).clone()),
        (Type::Optional(of), "orValue", [other]) => of.joined(other).map_or(Made::NoOverload, Made::Of),
        _ => unknown_method(name),
    }
}

/// A function that is not there for this value.
fn unknown_method(name: &str) -> Made {
    if OF_ITEMS.contains(&name) || METHODS.iter().any(|(_, known, ..)| *known == name) {
        Made::NoOverload
    } else {
        Made::Undeclared
    }
}

fn function(name: &str, values: &[Type]) -> Made {
    match (name, values) {
        ("dyn", [_]) => return Made::Of(Type::Dyn),
        ("type", [_]) => return Made::Of(Type::Named("type")),
        ("size", [of]) => return method("size", of, &[]),
        ("optional.of" | "optional.ofNonZeroValue", [of]) => {
            return Made::Of(Type::Optional(of.clone().into()));
        }
        ("format.named", [Type::String | Type::Dyn]) => return Made::Of(Type::Optional(FORMAT.into())),
        (_, []) if name.starts_with("format.") && DOTTED.contains(&name) => return Made::Of(FORMAT),
        ("semver" | "isSemver", [Type::String | Type::Dyn, rest @ ..])
            if rest.len() < 2 && rest.iter().all(|of| matches!(of, Type::Bool | Type::Dyn)) =>
        {
            return Made::Of(if name == "semver" { SEMVER } else { Type::Bool });
        }
        ("optional.none", []) => return Made::Of(Type::Optional(Type::Dyn.into())),
        (_, [a, b]) if SETS.contains(&name) => {
            let lists = [a, b].iter().all(|of| matches!(of, Type::List(_) | Type::Dyn));
            return if lists && a.joined(b).is_some() { Made::Of(Type::Bool) } else { Made::NoOverload };
        }
        _ => {}
    }
    let known = FUNCTIONS.iter().find(|(known, ..)| *known == name);
    match (known, values) {
        (Some((_, wanted, result)), [of])
            if of.is_dyn() || wanted.iter().any(|it| it.joined(of).is_some()) =>
        {
            Made::Of(result.clone())
        }
        (Some(_), _) => Made::NoOverload,
        (None, _) if matches!(name, "dyn" | "type" | "size") || SETS.contains(&name) => Made::NoOverload,
        (None, _) if DOTTED.contains(&name) || matches!(name, "semver" | "isSemver") => Made::NoOverload,
        (None, _) => Made::Undeclared,
    }
}
