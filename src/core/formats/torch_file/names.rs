//! Which classes and functions of a pickle build plain data, and which run or load code when they are called.

use super::Dtype;
use super::value::Known;

impl Known {
    /// What this name stands for, if it is no class that stays inert.
    pub(super) fn of(module: &str, name: &str) -> Option<Self> {
        let module = modern(module);
        Some(match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter") | ("builtins", "dict") => Self::Dict,
            ("collections", "deque") | ("builtins", "list" | "set" | "frozenset") => Self::List,
            ("torch.jit._pickle", "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist") => {
                Self::List
            }
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_tensor_v3") => Self::TensorV3,
            (
                "torch._utils",
                "_rebuild_parameter" | "_rebuild_parameter_with_state" | "_rebuild_device_tensor_from_cpu_tensor",
            )
            | ("torch.jit._pickle", "restore_type_tag") => Self::First,
            ("torch._tensor", "_rebuild_from_type_v2") => Self::FromType,
            ("torch._tensor" | "torch.tensor", "_rebuild_from_type") => Self::FromType,
            ("torch" | "torch.storage", "UntypedStorage" | "_UntypedStorage") => Self::UntypedStorage,
            ("torch" | "torch.cuda", storage) if storage.ends_with("Storage") => match Dtype::of_storage(storage) {
                Some(dtype) => Self::Storage(dtype),
                None => Self::OpaqueStorage(opaque(storage)?),
            },
            ("numpy", "dtype") => Self::NumpyType,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::NumpyScalar,
            ("_codecs", "encode") => Self::Encode,
            ("builtins", "getattr") => Self::Attribute,
            ("functools", "partial" | "partialmethod") => Self::Callable,
            ("types", "MethodType" | "FunctionType" | "LambdaType" | "CodeType") => Self::Callable,
            ("dill._dill", "_create_function" | "_create_code") => Self::Callable,
            ("cloudpickle.cloudpickle" | "cloudpickle.cloudpickle_fast", "_make_function" | "_make_skel_func") => {
                Self::Callable
            }
            ("builtins", "map" | "filter" | "sorted" | "min" | "max" | "reduce")
            | ("functools" | "_functools", "reduce")
            | ("itertools", "imap" | "ifilter" | "ifilterfalse") => Self::Applier,
            ("itertools", "starmap" | "accumulate" | "takewhile" | "dropwhile" | "filterfalse" | "groupby") => {
                Self::Applier
            }
            ("copyreg", "__newobj__" | "__newobj_ex__" | "_reconstructor") => Self::New,
            _ if runs_code(module, name) => Self::Runs,
            _ => return None,
        })
    }
}

/// What Python 3 calls a module: protocols up to 2, which PyTorch writes, have Python 2's names (CPython's
/// `_compat_pickle.py`).
fn modern(module: &str) -> &str {
    match module {
        "__builtin__" | "__builtins__" | "exceptions" => "builtins",
        "commands" => "subprocess",
        "copy_reg" => "copyreg",
        "cPickle" => "pickle",
        "thread" | "dummy_thread" => "_thread",
        "SocketServer" => "socketserver",
        "anydbm" | "whichdb" | "dbhash" | "gdbm" => "dbm",
        "xmlrpclib" | "SimpleXMLRPCServer" | "DocXMLRPCServer" => "xmlrpc",
        "BaseHTTPServer" | "SimpleHTTPServer" | "CGIHTTPServer" | "httplib" | "Cookie" | "cookielib" => "http",
        "urllib2" => "urllib.request",
        _ => module,
    }
}

/// Bytes of a value of PyTorch's storages whose types nothing here computes with.
fn opaque(storage: &str) -> Option<usize> {
    Some(match storage {
        "ComplexDoubleStorage" => 16,
        "ComplexFloatStorage" => 8,
        "ComplexHalfStorage" | "QInt32Storage" => 4,
        "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage" => 1,
        _ => return None,
    })
}

/// Functions that run or load code, start programs, or open files and connections, by their modules. No names: all of the
/// module and of those below it. Names that end with a dot: all that begin so.
const RUNNING: &[(&str, &[&str])] = &[
    ("os", &[]),
    ("posix", &[]),
    ("nt", &[]),
    ("sys", &[]),
    ("subprocess", &[]),
    ("_posixsubprocess", &[]),
    ("_winapi", &[]),
    ("runpy", &[]),
    ("shutil", &[]),
    ("socket", &[]),
    ("_socket", &[]),
    ("socketserver", &[]),
    ("ssl", &[]),
    ("importlib", &[]),
    ("_frozen_importlib", &[]),
    ("imp", &[]),
    ("_imp", &[]),
    ("pkgutil", &[]),
    ("zipimport", &[]),
    ("pty", &[]),
    ("ctypes", &[]),
    ("_ctypes", &[]),
    ("cffi", &[]),
    ("operator", &[]),
    ("_operator", &[]),
    ("marshal", &[]),
    ("pickle", &[]),
    ("_pickle", &[]),
    ("shelve", &["open", "DbfilenameShelf"]),
    ("dbm", &["open"]),
    ("code", &["interact", "compile_command", "InteractiveConsole.", "InteractiveInterpreter."]),
    ("code", &["InteractiveConsole", "InteractiveInterpreter"]),
    ("codeop", &[]),
    ("popen2", &[]),
    ("_osx_support", &[]),
    ("_aix_support", &[]),
    ("uuid", &["_get_command_stdout", "_popen"]),
    ("mailcap", &[]),
    ("test.support", &[]),
    ("unittest", &["main"]),
    ("unittest.main", &["main", "TestProgram"]),
    ("compileall", &[]),
    ("py_compile", &[]),
    ("zipapp", &[]),
    ("platform", &["popen", "_syscmd_uname", "_syscmd_file", "_syscmd_ver"]),
    ("timeit", &["timeit", "repeat", "main", "Timer", "Timer."]),
    ("trace", &["Trace.", "main"]),
    ("profile", &["run", "runctx", "main", "Profile."]),
    ("cProfile", &["run", "runctx", "main", "Profile."]),
    ("signal", &["signal", "raise_signal", "alarm", "setitimer", "pthread_kill", "pidfd_send_signal"]),
    ("threading", &["Thread", "Timer", "Thread.", "Timer.", "_start_new_thread", "_start_joinable_thread"]),
    ("_thread", &["start_new_thread", "start_new", "start_joinable_thread", "interrupt_main"]),
    ("asyncio", &[]),
    ("multiprocessing", &["Process", "Pool"]),
    ("multiprocessing.util", &["spawnv_passfds"]),
    ("multiprocessing.popen_fork", &[]),
    ("multiprocessing.popen_spawn_posix", &[]),
    ("concurrent.futures", &[]),
    ("_xxsubinterpreters", &[]),
    ("_interpreters", &[]),
    ("atexit", &["register", "_run_exitfuncs"]),
    ("weakref", &["finalize"]),
    ("pdb", &[]),
    ("bdb", &[]),
    ("doctest", &[]),
    ("pydoc", &[]),
    ("idlelib", &[]),
    ("lib2to3", &[]),
    ("cgitb", &[]),
    ("site", &["main", "execsitecustomize", "execusercustomize", "addpackage", "addsitedir"]),
    ("pip", &[]),
    ("ensurepip", &[]),
    ("venv", &["create", "main", "EnvBuilder", "EnvBuilder."]),
    ("distutils", &[]),
    ("setuptools", &[]),
    ("webbrowser", &[]),
    ("urllib", &["urlopen", "urlretrieve"]),
    ("urllib.request", &[]),
    ("http", &[]),
    ("ftplib", &[]),
    ("smtplib", &[]),
    ("telnetlib", &[]),
    ("imaplib", &[]),
    ("poplib", &[]),
    ("nntplib", &[]),
    ("xmlrpc", &[]),
    ("requests", &[]),
    ("aiohttp", &[]),
    ("httpx", &[]),
    ("paramiko", &[]),
    ("pexpect", &[]),
    ("sqlite3", &["connect"]),
    ("logging", &["FileHandler"]),
    ("logging.handlers", &[]),
    ("logging.config", &[]),
    ("linecache", &[]),
    ("fileinput", &[]),
    ("tempfile", &["mkdtemp", "mkstemp", "mktemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory"]),
    ("builtins", &["eval", "exec", "execfile", "compile", "open", "input", "raw_input", "breakpoint", "apply"]),
    ("builtins", &["__import__", "reload", "globals", "locals", "vars", "setattr", "delattr", "file", "exit", "quit"]),
    ("io", &["open", "open_code", "FileIO"]),
    ("_io", &["open", "open_code", "FileIO"]),
    ("_pyio", &["open", "open_code", "FileIO"]),
    ("codecs", &["open"]),
    ("gzip", &["open", "GzipFile"]),
    ("bz2", &["open", "BZ2File"]),
    ("lzma", &["open", "LZMAFile"]),
    ("zipfile", &["ZipFile", "PyZipFile", "main"]),
    ("tarfile", &["open", "TarFile", "TarFile.", "main"]),
    ("pathlib", &["Path.", "PosixPath.", "WindowsPath."]),
    ("dill", &["load", "loads"]),
    ("dill._dill", &["load", "loads", "_eval_repr"]),
    ("cloudpickle", &["load", "loads"]),
    ("cloudpickle.cloudpickle", &["load", "loads"]),
    ("joblib", &["load"]),
    ("joblib.numpy_pickle", &["load"]),
    ("yaml", &["load", "load_all", "unsafe_load", "unsafe_load_all", "full_load"]),
    ("pandas", &["read_pickle", "eval"]),
    ("pandas.io.pickle", &["read_pickle"]),
    ("numpy", &["load", "fromfile"]),
    ("numpy.f2py", &[]),
    ("numpy.testing._private.utils", &["runstring"]),
    ("numpy.distutils", &[]),
    ("IPython", &[]),
    ("torch", &["load", "compile"]),
    ("torch.hub", &[]),
    ("torch.serialization", &["load", "_load", "_legacy_load"]),
    ("torch.jit", &["load"]),
    ("torch.jit._serialization", &["load", "jit_module_from_flatbuffer"]),
    ("torch.package", &[]),
    ("torch.jit.unsupported_tensor_ops", &[]),
    ("torch.distributed.run", &[]),
    ("torch.distributed.launch", &[]),
    ("torch.utils.model_zoo", &[]),
    ("torch.ops", &["load_library"]),
    ("torch.classes", &["load_library"]),
    ("torch.utils.cpp_extension", &[]),
    ("torch.utils.collect_env", &[]),
    ("torch.utils._config_module", &["ConfigModule.", "load_config"]),
    ("torch._dynamo.guards", &["GuardBuilder."]),
    ("torch._inductor.codecache", &["compile_file"]),
    ("torch.fx.experimental.symbolic_shapes", &["ShapeEnv."]),
    ("torch.distributed.rpc", &[]),
];

/// Plain values of those modules: results, enumerations, exceptions.
const HARMLESS: &[(&str, &[&str])] = &[
    ("os", &["stat_result", "statvfs_result", "times_result", "uname_result", "terminal_size", "sched_param"]),
    ("posix", &["stat_result", "statvfs_result", "times_result", "uname_result", "sched_param"]),
    ("nt", &["stat_result", "times_result"]),
    ("sys", &["version_info", "float_info", "int_info", "hash_info", "thread_info", "flags"]),
    ("subprocess", &["CompletedProcess", "CalledProcessError", "TimeoutExpired", "SubprocessError"]),
    ("shutil", &["usage", "Error", "SameFileError", "SpecialFileError"]),
    ("socket", &["AddressFamily", "SocketKind", "MsgFlag", "AddressInfo", "gaierror", "timeout"]),
    ("operator", &["itemgetter"]),
    ("_operator", &["itemgetter"]),
    ("pickle", &["PickleError", "PicklingError", "UnpicklingError"]),
    ("_pickle", &["PickleError", "PicklingError", "UnpicklingError"]),
    ("asyncio", &["exceptions."]),
    ("http", &["HTTPStatus", "HTTPMethod"]),
    ("requests", &["exceptions."]),
    ("importlib", &["machinery.ModuleSpec"]),
];

/// Whether calling a name runs or loads code. Pickles may hide a function behind a path of attributes, such as `os.system` of
/// any module that imports `os`; nobody reaches for the attributes with two underscores but to get at such functions.
pub(super) fn runs_code(module: &str, name: &str) -> bool {
    let of = |table: &[(&str, &[&str])], module: &str, name: &str| {
        let module = modern(module);
        table.iter().any(|(of, names)| match module.strip_prefix(of) {
            Some("") if !names.is_empty() => {
                names.iter().any(|n| *n == name || n.ends_with('.') && name.starts_with(n))
            }
            Some(below) => names.is_empty() && (below.is_empty() || below.starts_with('.')),
            None => false,
        })
    };
    let runs = |module: &str, name: &str| of(RUNNING, module, name) && !of(HARMLESS, module, name);
    let hidden = |part: &str| part.len() > 4 && part.starts_with("__") && part.ends_with("__") && part != "__new__";
    let mut rest = name;
    let path = std::iter::from_fn(|| {
        let (first, behind) = rest.split_once('.')?;
        rest = behind;
        Some((first, behind))
    });
    let mut reached = path.map(|(holder, behind)| runs(holder, behind));
    runs(module, name) || reached.any(|r| r) || name.contains('.') && name.split('.').any(hidden)
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
            ("commands", "Popen"),
            ("SocketServer", "TCPServer"),
            ("anydbm", "open"),
            ("thread", "start_new_thread"),
            ("uuid", "_get_command_stdout"),
            ("torch", "load"),
            ("torch.hub", "load"),
            ("shelve", "os.system"),
            ("net", "helpers.__builtins__.eval"),
            ("net", "Plain.__init__.__globals__"),
            ("pathlib", "Path.unlink"),
            ("operator", "attrgetter"),
            ("importlib.util", "spec_from_file_location"),
        ] {
            assert_eq!(Known::of(module, name), Some(Known::Runs), "{module}.{name}");
        }
        for (module, name) in [
            ("builtins", "range"),
            ("builtins", "type"),
            ("torch.optim.sgd", "SGD"),
            ("oscar", "Wild"),
            ("pathlib", "PosixPath"),
            ("argparse", "Namespace"),
            ("__main__", "Net.Config"),
            ("__main__", "Config.code.platform"),
            // Modules of other people that have a name of Python's.
            ("code.models", "Net"),
            ("trace", "Settings"),
            ("signal", "Signals"),
            ("posix", "uname_result"),
            ("operator", "itemgetter"),
            ("torch.storage", "_load_from_bytes"),
        ] {
            assert_eq!(Known::of(module, name), None, "{module}.{name}");
        }
        assert_eq!(Known::of("torch", "HalfStorage"), Some(Known::Storage(Dtype::F16)));
        assert_eq!(Known::of("torch", "QUInt8Storage"), Some(Known::OpaqueStorage(1)));
        assert_eq!(Known::of("__builtin__", "getattr"), Some(Known::Attribute));
    }
}
