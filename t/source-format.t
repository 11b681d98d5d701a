# SPDX-License-Identifier: Apache-2.0
# How the sources look: .clang-format, declarations, shellcheck, 120 columns, a licence in the first lines.
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

# A variable is declared with its first value. Reported is a declaration without a value whose next mention is an
# assignment in the same block: nothing stands between the two that needs the variable.
sub late_declarations {
    my ($text) = @_;
    # strings stay; of comments, the line breaks
    my @lines = split /\n/,
        $text =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|/\*.*?\*/}{$1 // $& =~ tr/\n//cdr}gser;
    my @late;
    for my $i (0 .. $#lines) {
        my ($indent, $names) = $lines[$i] =~ /^( +)(?:const |unsigned |struct )*\w+ (?:const )?(\S.*);$/ or next;
        next if $lines[$i] =~ /^ +(?:return|goto|else|typedef|extern|static|case)\b/ || $names =~ /^[=(-]/;
        1 while $names =~ s/\([^()]*\)|\{[^{}]*\}//g;
        for my $name (map { /^\s*[*\s]*(?:const )?(\w+)$/ ? $1 : () } split /,/, $names) {
            for my $next (@lines[$i + 1 .. $#lines]) {
                last if $next =~ /^(?! *$)(?!$indent)/;    # the end of the block, or a label
                next if $next !~ /\b$name\b/;
                push @late, [$i + 1, $name] if $next =~ /^$indent$name = (.*)/ && $1 !~ /(?<!sizeof\(\*)\b$name\b/;
                last;
            }
        }
    }
    return @late;
}
is_deeply([late_declarations("{\n    int a, b = 1, *c;\n    /* a */\n    f(b);\n    a = 2;\n    g(&c);\n}\n")],
    [[2, 'a']],
    'a declaration without a value is found, one that is filled by address is not');
is_deeply([late_declarations("{\n    int a;\n    if (b)\n        a = 1;\n    a = 2;\n}\n")], [],
    'nor one whose first value depends on a condition');
my @late;
for my $file (grep { /\.c$/ } @c) {
    push @late, "$file:$_->[0]: $_->[1] is assigned below" for late_declarations(read_file("$source/$file"));
}
is(join("\n", @late), '', 'variables are declared with their first value');

my @code = (@c, map { s/^\Q$source\E\///r } glob "$source/t/*.t $source/tools/*/*.py");
my @bare = grep { read_file("$source/$_") !~ /\A(?:#!.*\n)?.{0,3}SPDX-License-Identifier: Apache-2\.0/ } @code;
is("@bare", '', 'the licence is named at the top of each file');

done_testing;
