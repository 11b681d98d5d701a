# SPDX-License-Identifier: Apache-2.0
# Functions that the sources must not call, but for the one place that wraps them.
use strict;
use warnings;
use FHIR::Test::System qw(read_file source_dir);
use Test::More;

my @rules = (
    {   call => qr/\bapr_hash_make(?:_custom)?\s*\(/,
        only => qr{^core/fhir_hash\.c$},
        use  => 'fhir_hash_make(): clients can make all keys of an APR hash collide' },
    {   call => qr/\b(?:apr_file_mktemp|mkstemps?|mkostemps?|tmpfile|apr_file_dup)\s*\(/,
        only => qr{^core/fhir_temp\.c$},
        use  => 'fhir_temp_open(): programs that this process starts must not inherit the file' },
    {   call => qr/\b(?:strto(?:d|f|ld)(?:_l)?|atof)\s*\(/,
        only => qr{^core/fhir_decimal\.c$},
        use  => 'fhir_decimal_double(): another module may have set a locale with a comma' },
    {   call => qr/\b(?:getentropy|getrandom)\s*\(/,
        only => qr{^core/fhir_random\.c$},
        use  => 'fhir_random()' },
);

my $source = source_dir();
my @files = map { glob "$source/mod_fhir/$_/*.[ch]" } '*', '*/*';
cmp_ok(scalar @files, '>', 100, 'sources are found');
for my $rule (@rules) {
    my (@found, $used);
    for my $file (@files) {
        my $name = $file =~ s{^.*/mod_fhir/}{}r;
        my $text = read_file($file) =~ s{/\*.*?\*/}{$& =~ tr/\n//cdr}gser;
        while ($text =~ /$rule->{call}/g) {
            if ($name =~ $rule->{only}) { $used = 1; next }
            push @found, "$name:" . (1 + (substr($text, 0, $-[0]) =~ tr/\n//));
        }
    }
    is(join("\n", @found), '', "instead: $rule->{use}");
    ok($used, '  which is there');
}

done_testing;
