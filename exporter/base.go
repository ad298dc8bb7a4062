package exporter

// baseCall is a call that every profile has.
type baseCall struct {
	name string
	// abis limits the call to these; nil means every ABI that has it.
	abis []string
	why  string
}

// baseCalls: kept short on purpose. What a workload needs beyond them is what a
// recording shows.
var baseCalls = []baseCall{
	{name: "execve", why: "container start: the runtime ends with it, under the filter"},
	{name: "exit", why: "a thread ends with it"},
	{name: "exit_group", why: "a process ends with it"},
	{name: "restart_syscall", why: "the kernel puts it in place of a sleep that a stop and continue interrupted"},
	{name: "rt_sigreturn", why: "a signal handler returns with it"},
	// Handlers installed without SA_SIGINFO on 32-bit ABIs.
	{name: "sigreturn", abis: []string{"x86", "arm"}, why: "a 32-bit signal handler returns with it"},
}
