# SPDX-License-Identifier: Apache-2.0
# Nothing is forgotten: each unit test and fuzz target is run by make check, each fuzz target has
# seeds, and the tarball holds every file of the repository.
use strict;
use warnings;
use FHIR::Test::System qw(build_dir read_file run source_dir work_dir);
use Test::More;

my ($source, $build) = (source_dir(), build_dir());
# TESTS with its variables expanded.
my %variable = read_file("$build/Makefile") =~ /^(\w+) =[ \t]*((?:.*\\\n)*.*)/mg;
my $tests = $variable{TESTS};
1 while $tests =~ s/\$\((am__EXEEXT_\d+)\)/$variable{$1}/g;
my %run = map { $_ => 1 } grep { /^t/ } map { s/\$\(EXEEXT\)//r } split /[\s\\]+/, $tests;

my @units = map { m{/(t/unit/\w+_test)\.c$} } glob "$source/t/unit/*_test.c";
cmp_ok(scalar @units, '>', 1, 'unit tests are found');
is(join(' ', grep { !$run{$_} } @units), '', 'each t/unit/*_test.c is in TESTS');

my @fuzz = map { m{/fuzz_(\w+)\.c$} } glob "$source/t/fuzz/fuzz_*.c";
is(join(' ', grep { !$run{"t/fuzz/replay_$_"} } @fuzz), '', 'each t/fuzz/fuzz_X.c is replayed');
is(join(' ', grep { !glob "$source/t/fuzz/corpus/$_/*" } @fuzz), '', 'and has seeds');

SKIP: {
    my $files = run({ dir => $source }, 'git', 'ls-files');
    skip 'not in a git work tree: the tarball has nothing to be compared with', 1
        if $files->{status} || !-e "$source/.git";
    my $dist = work_dir() . '/dist';
    my $made = run({ dir => $build, env => { MAKEFLAGS => '' } }, 'make', 'distdir', "distdir=$dist");
    is($made->{status}, 0, 'make distdir') or diag($made->{err});
    my @missing = grep { !-e "$dist/$_" && -e "$source/$_" } grep { !m{^\.(?:git|ci)} } split /\n/,
        $files->{out};
    is(join("\n", @missing), '', 'every file of the repository is in the tarball');
    my @stray = map { s/^\Q$dist\E\///r } split /\n/,
        run({}, 'find', $dist, '-name', '__pycache__', '-o', '-name', '*.l[oa]', '-o', '-name', '*.log')->{out};
    is("@stray", '', 'and nothing that was built');
}

done_testing;
