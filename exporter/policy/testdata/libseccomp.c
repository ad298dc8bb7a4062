/* libseccomp: builds a filter as runc does from the lines on standard input, and writes it to standard output.
 *
 *   default ACTION
 *   arch NAME
 *   rule ACTION CALL N [INDEX OP A B]...
 *
 * The first architecture is the native one. Actions are SCMP_ACT_ values, operators enum scmp_compare. Calls that
 * are not known are passed over and named on standard error, as "any NAME", or "ARCH NAME" if only one
 * architecture lacks them. With the argument "tree", libseccomp makes its tree. */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static scmp_filter_ctx ctx;
static char archs[8][64];
static int n_archs;

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "error: %s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

static void add_arch(const char *name)
{
	uint32_t arch = seccomp_arch_resolve_name(name);

	if (n_archs == 8)
		must(-7, name);
	strcpy(archs[n_archs++], name);
	if (n_archs == 1 && arch != seccomp_arch_native()) {
		must(seccomp_arch_add(ctx, arch), name);
		must(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), "remove the native architecture");
		return;
	}
	if (seccomp_arch_exist(ctx, arch) < 0)
		must(seccomp_arch_add(ctx, arch), name);
}

static void add_rule(char *line)
{
	struct scmp_arg_cmp args[6];
	uint32_t action;
	char name[64];
	unsigned n;
	int used, nr;

	if (sscanf(line, "rule %" SCNx32 " %63s %u%n", &action, name, &n, &used) != 3 || n > 6)
		must(-22, line);
	for (unsigned i = 0; i < n; i++) {
		unsigned index, op;
		uint64_t a, b;
		int more;

		if (sscanf(line += used, " %u %u %" SCNx64 " %" SCNx64 "%n", &index, &op, &a, &b, &more) != 4)
			must(-22, name);
		used = more;
		args[i] = (struct scmp_arg_cmp){index, op, a, b};
	}
	nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR) {
		fprintf(stderr, "any %s\n", name);
		return;
	}
	for (int i = 0; i < n_archs; i++)
		if (seccomp_syscall_resolve_name_arch(seccomp_arch_resolve_name(archs[i]), name) < 0)
			fprintf(stderr, "%s %s\n", archs[i], name);
	must(seccomp_rule_add_array(ctx, action, nr, n, args), name);
}

int main(int argc, char **argv)
{
	char line[1024], name[64];
	uint32_t action;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "default %" SCNx32, &action) == 1) {
			ctx = seccomp_init(action);
			if (argc > 1 && !strcmp(argv[1], "tree"))
				must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "tree");
		} else if (sscanf(line, "arch %63s", name) == 1) {
			add_arch(name);
		} else {
			add_rule(line);
		}
	}
	must(seccomp_export_bpf(ctx, STDOUT_FILENO), "export");
	return 0;
}
