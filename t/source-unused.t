# SPDX-License-Identifier: Apache-2.0
# Nothing is dead: every function that a header of libfhir offers is called by something, and by
# something outside of its own file, else it would be static.
use strict;
use warnings;
use FHIR::Test::System qw(build_dir read_file run source_dir);
use Test::More;

my $build = build_dir();
my (%defined_in, %users);
my @objects = map { split /\n/, run({}, 'find', "$build/mod_fhir", @$_)->{out} } ['-path', '*/.libs/*.o'],
    ['-path', '*/fhirctl/*.o'];
for my $object (@objects) {
    next unless -e source_dir() . ($object =~ s{^\Q$build\E(/.*?)(?:/\.libs)?/(?:la-)?(\w+)\.o$}{$1/$2.c}r);
    for (split /\n/, run({}, 'nm', $object)->{out}) {
        my ($kind, $name) = /\s(\w) (fhir_\w+)$/ or next;
        if ($kind eq 'T') { $defined_in{$name} = $object }
        elsif ($kind eq 'U') { $users{$name}++ }
    }
}
cmp_ok(scalar keys %defined_in, '>', 200, 'functions are found');
my $tests = join '', map { read_file($_) } glob(source_dir() . '/t/unit/*.[ch]'),
    glob(source_dir() . '/t/fuzz/*.c'), glob(source_dir() . '/t/bench/*.c');
my @unused = grep { !$users{$_} && $tests !~ /\b$_\b/ } sort keys %defined_in;
is("@unused", '', 'every external function is used outside of its file');

done_testing;
