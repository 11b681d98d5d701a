# SPDX-License-Identifier: Apache-2.0
# A practice of two patients with twenty observations, for tests of searches.
package FHIR::Test::Practice;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(practice);

# Observation o1 to o20: the odd ones are of p1, the even ones of p2; each third has the code 2-6, the
# others 1-8; o9 has no date, the others are of that day in January 2024.
sub practice {
    my @observations = map {
        {   resourceType => 'Observation', id => "o$_", status => 'final',
            subject => { reference => 'Patient/' . ($_ % 2 ? 'p1' : 'p2') },
            performer => [ { reference => 'Practitioner/d1' } ],
            code => { coding => [ { system => 'http://loinc.org', code => $_ % 3 ? '1-8' : '2-6' } ] },
            $_ == 9 ? () : (effectiveDateTime => sprintf('2024-01-%02dT10:00:00Z', $_)),
        }
    } 1 .. 20;
    return (
        {   resourceType => 'Patient', id => 'p1', name => [ { family => "M\x{fc}ller", given => ['Ann'] } ],
            birthDate => '1970-02' },
        { resourceType => 'Patient', id => 'p2', name => [ { family => 'O,Hara' } ], gender => 'male' },
        { resourceType => 'Practitioner', id => 'd1', name => [ { family => 'Doe' } ] },
        {   resourceType => 'Provenance', id => 'v1', recorded => '2024-01-01T00:00:00Z',
            target => [ { reference => 'Observation/o1' } ],
            agent => [ { who => { reference => 'Practitioner/d1' } } ] },
        @observations,
    );
}

1;
