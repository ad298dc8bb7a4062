package severity

// Class is what a call is about.
type Class string

// Unknown is the class of calls that the table does not have.
const Unknown Class = "unknown"

// classes are those of the table, each with the reason why its calls are not dangerous where a
// row gives none.
var classes = map[Class]string{
	"events":        "waits for what the process has open or watches",
	"files":         "files, as far as their permissions and the mounts go",
	"ipc":           "memory, queues and semaphores of the IPC namespace",
	"kernel":        "asks the kernel for something that every process may have",
	"memory":        "the process's own memory",
	"namespaces":    "namespaces and mounts",
	"network":       "sockets, as far as the network namespace goes",
	"process":       "the process itself and its children",
	"sandbox":       "tightens or shows what confines the process",
	"scheduling":    "when and where the process runs",
	"signals":       "signals, to processes of the same user",
	"time":          "clocks and timers",
	"tracing":       "looks into processes",
	"unimplemented": "a reserved number: the kernel answers ENOSYS",
	"users":         "its own users, groups and capabilities, as far as these go",
}
