//! Which classes and functions of a pickle build plain data, and which run or load code.

use super::Dtype;
use super::value::Known;

impl Known {
    /// The one of this name, if it is on the allow-list.
    pub(super) fn of(module: &str, name: &str) -> Option<Self> {
        let builtin = matches!(module, "builtins" | "__builtin__");
        Some(match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter") => Self::Dict,
            ("collections", "deque") => Self::List,
            (_, "dict") if builtin => Self::Dict,
            (_, "list" | "set" | "frozenset") if builtin => Self::List,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_tensor_v3") => Self::TensorV3,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Self::Parameter,
            ("torch._tensor", "_rebuild_from_type_v2") => Self::FromType,
            ("torch" | "torch.storage", "UntypedStorage") => Self::UntypedStorage,
            ("torch", storage) if storage.ends_with("Storage") => Self::Storage(Dtype::of_storage(storage)?),
            ("numpy", "dtype") => Self::NumpyType,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::NumpyScalar,
            ("_codecs", "encode") => Self::Encode,
            _ => return None,
        })
    }
}

/// Modules all of whose functions have no place in a checkpoint; those below them, too.
const MODULES: [&str; 43] = [
    "os",
    "posix",
    "nt",
    "subprocess",
    "_posixsubprocess",
    "sys",
    "runpy",
    "shutil",
    "socket",
    "importlib",
    "imp",
    "pkgutil",
    "zipimport",
    "pty",
    "platform",
    "webbrowser",
    "ctypes",
    "_ctypes",
    "code",
    "codeop",
    "commands",
    "operator",
    "_operator",
    "marshal",
    "pickle",
    "_pickle",
    "cPickle",
    "timeit",
    "pdb",
    "bdb",
    "trace",
    "profile",
    "cProfile",
    "doctest",
    "pydoc",
    "pip",
    "ensurepip",
    "venv",
    "distutils",
    "setuptools",
    "threading",
    "signal",
    "torch.hub",
];

/// Single functions that run or load code, in modules that are harmless otherwise.
const FUNCTIONS: [(&str, &str); 21] = [
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "execfile"),
    ("builtins", "compile"),
    ("builtins", "open"),
    ("builtins", "input"),
    ("builtins", "breakpoint"),
    ("builtins", "apply"),
    ("builtins", "__import__"),
    ("io", "open"),
    ("types", "CodeType"),
    ("types", "FunctionType"),
    ("dill._dill", "_create_code"),
    ("dill._dill", "_create_function"),
    ("cloudpickle.cloudpickle", "_make_function"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("torch", "load"),
    ("torch.serialization", "load"),
    ("torch.jit", "load"),
    ("numpy", "load"),
    ("numpy.testing._private.utils", "runstring"),
];

/// Whether a name runs or loads code: a file that asks for it is an attack or no plain data. `__reduce__` may hide the
/// function behind an attribute path such as `os.system` of any module.
pub(super) fn runs_code(module: &str, name: &str) -> bool {
    let module = if module == "__builtin__" { "builtins" } else { module };
    let below = |m: &str| module.strip_prefix(m).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let path = |part: &str| MODULES.contains(&part) || FUNCTIONS.contains(&("builtins", part)) && part.starts_with('_');
    MODULES.iter().any(|m| below(m))
        || FUNCTIONS.contains(&(module, name))
        || name.contains('.') && name.split('.').any(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_data() {
        for (module, name) in [
            ("os", "system"),
            ("os.path", "join"),
            ("__builtin__", "eval"),
            ("builtins", "__import__"),
            ("subprocess", "Popen"),
            ("torch", "load"),
            ("torch.hub", "load"),
            ("shelve", "os.system"),
        ] {
            assert!(runs_code(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("builtins", "getattr"),
            ("builtins", "range"),
            ("builtins", "type"),
            ("torch.optim.sgd", "SGD"),
            ("oscar", "Wild"),
            ("pathlib", "PosixPath"),
            ("argparse", "Namespace"),
            ("__main__", "Net.Config"),
        ] {
            assert!(!runs_code(module, name), "{module}.{name}");
        }
        assert_eq!(Known::of("torch", "HalfStorage"), Some(Known::Storage(Dtype::F16)));
        assert_eq!(Known::of("torch", "load"), None);
    }
}
