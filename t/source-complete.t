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

my %listed;
$listed{$_}++ for map { read_file($_)
    =~ m{^\w+ \+= ((?:t|mod_fhir)/\S+)$}mg } glob "$source/mod_fhir/*/Makefile.inc $source/t/*/Makefile.inc";
cmp_ok(scalar keys %listed, '>', 50, 'lists of files are found');
is(join(' ', grep { $listed{$_} > 1 } sort keys %listed), '', 'nothing is listed twice');

my @units = map { m{/(t/unit/\w+_test)\.c$} } glob "$source/t/unit/*_test.c";
cmp_ok(scalar @units, '>', 1, 'unit tests are found');
is(join(' ', grep { !$run{$_} } @units), '', 'each t/unit/*_test.c is in TESTS');

my @fuzz = map { m{/fuzz_(\w+)\.c$} } glob "$source/t/fuzz/fuzz_*.c";
is(join(' ', grep { !$run{"t/fuzz/replay_$_"} } @fuzz), '', 'each t/fuzz/fuzz_X.c is replayed');
is(join(' ', grep { !(() = glob "$source/t/fuzz/corpus/$_/*") } @fuzz), '', 'and has seeds');

# Each page of docs/ is named in the README, and links inside of the project lead somewhere.
my (@dead, %linked);
for my $page (map { s/^\Q$source\E\///r } glob "$source/*.md $source/docs/*.md") {
    my $folder = $page =~ m{^(.*/)} ? $1 : '';
    for my $link (read_file("$source/$page") =~ /\]\(([^)#:\s]+)(?:#[^)]*)?\)/g) {
        my $to = "$folder$link" =~ s{[^/]+/\.\./}{}r;
        $linked{$to} = 1 if $page eq 'README.md' or $linked{$page};
        push @dead, "$page: $link" unless -e "$source/$to";
    }
}
is(join("\n", @dead), '', 'links lead somewhere');
is(join(' ', grep { !$linked{$_} } map { s/^\Q$source\E\///r } glob "$source/docs/*.md"), '',
    'each page of docs/ can be reached from the README');

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
