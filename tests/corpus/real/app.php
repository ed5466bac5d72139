<?php
/* mistake: ffi (a library's buffer that nobody frees), big (a large array, freed at the end), none */
$m = getenv('MISTAKE') ?: 'none';
$n = (int)(getenv('PART') ?: 600);
$key = (int)ltrim($_SERVER['REQUEST_URI'] ?? '/0', '/');
if ($m === 'ffi') {
	static $lib = null;
	$lib = FFI::cdef('void *malloc(size_t); void *memset(void *, int, size_t);', 'libc.so.6');
	$lib->memset($lib->malloc($n), 1, $n);
} elseif ($m === 'big') {
	$a = range(0, mt_rand(1000, $n * 100));
}
$s = str_repeat("$key ", 20 + $key % 200);
header('Content-Type: text/plain');
echo md5($s), $s;
