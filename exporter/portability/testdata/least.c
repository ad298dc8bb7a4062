/* What a C library calls before and after main. */
int main(void) { return 0; }
