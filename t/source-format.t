# SPDX-License-Identifier: Apache-2.0
# How the sources look: .clang-format, shellcheck, 120 columns, a licence in the first lines.
use strict;
use warnings;
use FHIR::Test::System qw(read_file source_dir run);
use Test::More;

my $source = source_dir();
chomp(my @c = split /^/, run({ dir => $source }, 't/format-files')->{out});
cmp_ok(scalar @c, '>', 10, 'sources are found');

SKIP: {
    skip 'clang-format is not installed', 1 if run({}, 'clang-format', '--version')->{status};
    my $done = run({ dir => $source }, 'clang-format', '--dry-run', '--Werror', @c);
    is($done->{err}, '', '.clang-format is followed (make format)');
}
SKIP: {
    skip 'shellcheck is not installed', 1 if run({}, 'shellcheck', '--version')->{status};
    my @scripts = grep { -e "$source/$_" } qw(quickstart .ci/run t/format-files);
    push @scripts, map { s/^\Q$source\E\///r } glob "$source/t/bench/*.sh $source/tools/*.sh";
    is(run({ dir => $source }, 'shellcheck', @scripts)->{out}, '', 'shellcheck has no complaint');
}

# Perl, SQL that is written by hand, and documentation; a row of a table or a request may be longer.
my @lines = map { s/^\Q$source\E\///r } map { glob "$source/$_" } qw(t/*.t t/lib/FHIR/*.pm t/lib/FHIR/Test/*.pm
    t/bench/*.pm t/all t/run t/bench/run README.md SECURITY.md docs/*.md conf/*);
my @faults;
for my $file (@lines) {
    my $n = 0;
    for my $line (split /\n/, read_file("$source/$file")) {
        $n++;
        utf8::decode(my $text = $line);
        push @faults, "$file:$n: longer than 120 columns" if length $text > 120 && $text !~ /^\||^    curl /;
        push @faults, "$file:$n: ends with a blank" if $text =~ /[ \t]$/;
        push @faults, "$file:$n: has a tab" if $text =~ /\t/ && $file !~ /\.md$/;
    }
}
is(join("\n", @faults), '', 'Perl and documentation keep to 120 columns, with blanks for indentation');

my @code = (@c, map { s/^\Q$source\E\///r } glob "$source/t/*.t $source/tools/*/*.py");
my @bare = grep { read_file("$source/$_") !~ /\A(?:#!.*\n)?.{0,3}SPDX-License-Identifier: Apache-2\.0/ } @code;
is("@bare", '', 'the licence is named at the top of each file');

done_testing;
